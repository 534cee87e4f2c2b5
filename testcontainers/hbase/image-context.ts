/** `npm run image:hbase`: puts together what Docker needs to build the HBase image, and says where. */
import { EngineError } from '../../engines/engine.ts';
import { prepareImageContext } from './hbase-image.ts';

try {
  const context = await prepareImageContext((text) => process.stderr.write(`${text}\n`));
  process.stdout.write(`${context}\n`);
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
