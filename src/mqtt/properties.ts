/**
 * MQTT 5 properties in packets from a client (MQTT 5.0, section 2.2.2.2): one table of what may stand where, and the
 * cursor that walks a property block and refuses what the table does not allow.
 */
import { REASON, ProtocolViolation } from './reason-code.ts';
import type { ReasonCode } from './reason-code.ts';
import { isTopicName } from './topic.ts';
import type { WireCursor } from './wire-cursor.ts';

export const PROPERTY = {
  payloadFormatIndicator: 0x01,
  messageExpiryInterval: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  sessionExpiryInterval: 0x11,
  authenticationMethod: 0x15,
  authenticationData: 0x16,
  requestProblemInformation: 0x17,
  willDelayInterval: 0x18,
  requestResponseInformation: 0x19,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  topicAliasMaximum: 0x22,
  topicAlias: 0x23,
  userProperty: 0x26,
  maximumPacketSize: 0x27,
} as const;

type PropertyName = keyof typeof PROPERTY;
type WireType = 'byte' | 'twoByte' | 'fourByte' | 'varint' | 'binary' | 'utf8' | 'pair';
export type PropertyPlace =
  'CONNECT' | 'will' | 'PUBLISH' | 'acknowledgement' | 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'DISCONNECT' | 'AUTH';

interface PropertyRule {
  readonly id: number;
  readonly name: PropertyName;
  readonly wire: WireType;
  readonly places: readonly PropertyPlace[];
  /** Numbers outside are refused with `outside`. */
  readonly min: number;
  readonly max: number;
  readonly outside: ReasonCode;
  /** One bit per property, to find repeats. */
  readonly bit: number;
}

const MESSAGE: readonly PropertyPlace[] = ['PUBLISH', 'will'];
const ANY: readonly PropertyPlace[] = [
  ...MESSAGE,
  'CONNECT',
  'acknowledgement',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'DISCONNECT',
  'AUTH',
];

const TABLE: readonly PropertyRule[] = [
  rule('payloadFormatIndicator', 'byte', MESSAGE, 0, 1),
  rule('messageExpiryInterval', 'fourByte', MESSAGE),
  rule('contentType', 'utf8', MESSAGE),
  rule('responseTopic', 'utf8', MESSAGE),
  rule('correlationData', 'binary', MESSAGE),
  rule('subscriptionIdentifier', 'varint', ['SUBSCRIBE'], 1),
  rule('sessionExpiryInterval', 'fourByte', ['CONNECT', 'DISCONNECT']),
  rule('authenticationMethod', 'utf8', ['CONNECT', 'AUTH']),
  rule('authenticationData', 'binary', ['CONNECT', 'AUTH']),
  rule('requestProblemInformation', 'byte', ['CONNECT'], 0, 1),
  rule('willDelayInterval', 'fourByte', ['will']),
  rule('requestResponseInformation', 'byte', ['CONNECT'], 0, 1),
  rule('reasonString', 'utf8', ['acknowledgement', 'DISCONNECT', 'AUTH']),
  rule('receiveMaximum', 'twoByte', ['CONNECT'], 1),
  rule('topicAliasMaximum', 'twoByte', ['CONNECT']),
  rule('topicAlias', 'twoByte', ['PUBLISH'], 1, 0xffff, REASON.topicAliasInvalid),
  rule('userProperty', 'pair', ANY),
  rule('maximumPacketSize', 'fourByte', ['CONNECT'], 1),
];

function rule(
  name: PropertyName,
  wire: WireType,
  places: readonly PropertyPlace[],
  min = 0,
  max = 0xffff_ffff,
  outside: ReasonCode = REASON.protocolError,
): PropertyRule {
  const id = PROPERTY[name];
  return { id, name, wire, places, min, max, outside, bit: 1 << Object.keys(PROPERTY).indexOf(name) };
}

const ruleById: readonly (PropertyRule | undefined)[] = Array.from({ length: 0x80 }, (_, id) =>
  TABLE.find((candidate) => candidate.id === id),
);

/** Steps through one block; after `next()` returned true the fields describe the property it stands on. */
export class PropertyCursor {
  /** Where the property's identifier stands; `wire.position` is where the property ends. */
  start = 0;
  /** Value of byte and integer properties. */
  value = 0;
  /** First byte of text, binary data (after its length) or of a pair's name length. */
  valueStart = 0;
  id = 0;
  readonly wire: WireCursor;
  readonly end: number;
  readonly #place: PropertyPlace;
  #seen = 0;

  /** `wire` stands on the block's length [MQTT-2.2.2-1]; behind the block after the last `next()`. */
  constructor(wire: WireCursor, place: PropertyPlace) {
    const length = wire.variableByteInteger('property length');
    this.wire = wire;
    this.end = wire.position + length;
    this.#place = place;
    if (this.end > wire.end) throw wire.malformed('ends within its properties');
  }

  next(): boolean {
    const { wire } = this;
    if (wire.position === this.end) return false;
    this.start = wire.position;
    this.id = wire.byte('property identifier');
    const found = this.#allowed();
    this.#readValue(found);
    if (wire.position > this.end) throw wire.malformed(`${found.name} ends outside the properties`);
    return true;
  }

  /** Walks to the end of the block for the sake of the checks. */
  skipAll(): void {
    while (this.next());
  }

  has(id: number): boolean {
    return ((ruleById[id]?.bit ?? 0) & this.#seen) !== 0;
  }

  /** The text of a `utf8` property. */
  text(): string {
    return this.wire.bytes.toString('utf8', this.valueStart, this.wire.position);
  }

  /** The name and value of a user property. */
  pair(): readonly [string, string] {
    const { bytes, position } = this.wire;
    const nameStart = this.valueStart + 2;
    const nameEnd = nameStart + bytes.readUInt16BE(this.valueStart);
    return [bytes.toString('utf8', nameStart, nameEnd), bytes.toString('utf8', nameEnd + 2, position)];
  }

  #allowed(): PropertyRule {
    const found = ruleById[this.id];
    if (found === undefined) {
      throw this.wire.malformed(`property 0x${this.id.toString(16)} is not one a client may send`);
    }
    if (!found.places.includes(this.#place)) {
      // [MQTT-3.3.4-6] makes this one an error of the client's state, not of its encoder.
      if (found.name === 'subscriptionIdentifier' && this.#place === 'PUBLISH') throw this.#wrong(found);
      throw this.wire.malformed(`${found.name} is not allowed here`);
    }
    if ((this.#seen & found.bit) !== 0 && found.wire !== 'pair') {
      throw new ProtocolViolation(REASON.protocolError, `${this.wire.place}: ${found.name} stands twice`);
    }
    this.#seen |= found.bit;
    return found;
  }

  #readValue(found: PropertyRule): void {
    const { wire } = this;
    this.valueStart = wire.position;
    switch (found.wire) {
      case 'byte':
        this.#checkNumber(found, wire.byte(found.name));
        break;
      case 'twoByte':
        this.#checkNumber(found, wire.twoByteInteger(found.name));
        break;
      case 'fourByte':
        this.#checkNumber(found, wire.fourByteInteger(found.name));
        break;
      case 'varint':
        this.#checkNumber(found, wire.variableByteInteger(found.name));
        break;
      case 'binary':
        this.valueStart = wire.binary(found.name);
        break;
      case 'utf8':
        this.valueStart = wire.utf8(found.name);
        if (found.name === 'responseTopic') this.#checkResponseTopic(found);
        break;
      case 'pair':
        wire.utf8(found.name);
        wire.utf8(found.name);
    }
  }

  #checkNumber(found: PropertyRule, value: number): void {
    this.value = value;
    if (value < found.min || value > found.max) throw this.#wrong(found);
  }

  /** A topic name, so neither empty nor with wildcards [MQTT-3.3.2-14]. */
  #checkResponseTopic(found: PropertyRule): void {
    if (!isTopicName(this.text())) throw this.#wrong(found);
  }

  #wrong(found: PropertyRule): ProtocolViolation {
    return new ProtocolViolation(found.outside, `${this.wire.place}: value of ${found.name} is not allowed`);
  }
}
