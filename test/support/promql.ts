/** PromQL as Prometheus' own grammar has it. */
import { parser } from '@prometheus-io/lezer-promql';

/** Names of the series that an expression asks for. Throws where it is no PromQL, or selects by something else than a name. */
export function seriesAskedFor(expression: string): readonly string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) throw new Error(`no PromQL at character ${node.from}: ${expression}`);
      if (node.name !== 'VectorSelector') return;
      const identifier = node.node.getChild('Identifier');
      if (identifier === null) throw new Error(`a selector without a name: ${expression}`);
      names.push(expression.slice(identifier.from, identifier.to));
    },
  });
  return names;
}
