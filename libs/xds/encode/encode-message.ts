// Encodes messages in proto3 JSON form to Protobuf bytes, straight from the types: wrappers as plain values, durations
// as '1.5s', enums by name, an Any by its '@type'. Throws on a field or value that the type does not have: that is a
// bug, never a user's input.
import protobuf from 'protobufjs';
import { protoType } from './proto-types.ts';
import type { ProtoMessage, ProtoValue } from '#libs/xds/envoy/resources.ts';

const wireTypes: ReadonlyMap<string, number> = new Map(Object.entries(protobuf.types.basic));
const anyPrefix = 'type.googleapis.com/';

/** Parts that many resources or many versions of one have in common: their bytes are kept as long as their object. */
const kept = new Set([
  '.envoy.config.listener.v3.FilterChain',
  '.envoy.config.route.v3.Route',
  '.envoy.config.route.v3.RetryPolicy',
  '.google.protobuf.Any',
]);
const keptBytes = new WeakMap<ProtoMessage, Uint8Array>();

/** Gives the bytes of one message of the named type. */
export function encodeMessage(typeName: string, message: ProtoMessage): Uint8Array {
  return encode(protoType(typeName), message);
}

function encode(type: protobuf.Type, message: ProtoMessage): Uint8Array {
  const known = keptBytes.get(message);
  if (known !== undefined) return known;
  const bytes =
    type.fullName === '.google.protobuf.Any'
      ? encodeAny(type, message)
      : write(type, message, protobuf.Writer.create()).finish();
  if (kept.has(type.fullName)) keptBytes.set(message, bytes);
  return bytes;
}

function write(type: protobuf.Type, message: ProtoMessage, writer: protobuf.Writer): protobuf.Writer {
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined) continue;
    const field = type.fields[name];
    if (field === undefined) throw new Error(`${type.fullName} has no field ${name}`);
    field.resolve();
    if (field instanceof protobuf.MapField) writeMap(field, value, writer);
    else if (!field.repeated) writeField(field, value, writer);
    else if (isPacked(field)) writePacked(field, value, writer);
    else for (const item of asArray(field, value)) writeField(field, item, writer);
  }
  return writer;
}

function writeMap(field: protobuf.MapField, map: ProtoValue, writer: protobuf.Writer): void {
  if (field.keyType !== 'string') throw new Error(`${field.fullName}: only maps by string are written`);
  for (const [key, value] of Object.entries(asMessage(field, map))) {
    if (value === undefined) continue;
    writer
      .uint32((field.id << 3) | 2)
      .fork()
      .uint32(10)
      .string(key);
    writeValue(field, 2, value, writer);
    writer.ldelim();
  }
}

/** Only numbers are packed; the library says so of every repeated field of proto3. */
function isPacked(field: protobuf.Field): boolean {
  return field.packed && !(field.resolvedType instanceof protobuf.Type) && !['string', 'bytes'].includes(field.type);
}

function writePacked(field: protobuf.FieldBase, values: ProtoValue, writer: protobuf.Writer): void {
  writer.uint32((field.id << 3) | 2).fork();
  for (const value of asArray(field, values)) writeScalar(field, value, writer);
  writer.ldelim();
}

function writeField(field: protobuf.FieldBase, value: ProtoValue, writer: protobuf.Writer): void {
  writeValue(field, field.id, value, writer);
}

/** Writes one value with its tag. */
function writeValue(field: protobuf.FieldBase, id: number, value: ProtoValue, writer: protobuf.Writer): void {
  if (field.resolvedType instanceof protobuf.Type) {
    writer.uint32((id << 3) | 2).bytes(encodeNested(field, field.resolvedType, value));
    return;
  }
  const kind = field.resolvedType === null ? (wireTypes.get(field.type) ?? 0) : 0;
  writeScalar(field, value, writer.uint32((id << 3) | kind));
}

function encodeNested(field: protobuf.FieldBase, type: protobuf.Type, value: ProtoValue): Uint8Array {
  switch (type.fullName) {
    case '.google.protobuf.Duration':
      return encodeDuration(field, value);
    case '.google.protobuf.Struct':
      return encode(type, { fields: structFields(asMessage(field, value)) });
    default:
      break;
  }
  // A wrapper such as UInt32Value stands as its plain value.
  if (
    type.fullName.startsWith('.google.protobuf.') &&
    type.fieldsArray.length === 1 &&
    type.fields['value'] !== undefined
  )
    return encode(type, { value });
  return encode(type, asMessage(field, value));
}

function encodeAny(type: protobuf.Type, value: ProtoMessage): Uint8Array {
  const { '@type': url, ...message } = value;
  if (typeof url !== 'string' || !url.startsWith(anyPrefix)) throw new Error('an Any lacks @type');
  const body = encodeMessage(url.slice(anyPrefix.length), message);
  const writer = protobuf.Writer.create();
  for (const { name, id } of type.fieldsArray) {
    if (name === 'type_url') writer.uint32((id << 3) | 2).string(url);
    else if (body.length > 0) writer.uint32((id << 3) | 2).bytes(body);
  }
  return writer.finish();
}

function encodeDuration(field: protobuf.FieldBase, value: ProtoValue): Uint8Array {
  const parts = typeof value === 'string' ? /^(\d+)(?:\.(\d{1,9}))?s$/.exec(value) : null;
  if (parts === null) throw new Error(`${field.fullName} is not a duration: ${JSON.stringify(value)}`);
  const writer = protobuf.Writer.create();
  const seconds = Number(parts[1]);
  const nanos = Number((parts[2] ?? '').padEnd(9, '0'));
  if (seconds !== 0) writer.uint32(8).int64(seconds);
  if (nanos !== 0) writer.uint32(16).int32(nanos);
  return writer.finish();
}

function structFields(struct: ProtoMessage): ProtoMessage {
  return Object.fromEntries(Object.entries(struct).map(([key, value]) => [key, structValue(value ?? null)]));
}

function structValue(value: ProtoValue): ProtoMessage {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return { numberValue: value };
  throw new Error('only strings, booleans and numbers are written to a Struct');
}

function writeScalar(field: protobuf.FieldBase, value: ProtoValue, writer: protobuf.Writer): void {
  if (field.resolvedType instanceof protobuf.Enum) {
    const number = typeof value === 'string' ? field.resolvedType.values[value] : undefined;
    if (number === undefined) throw new Error(`${field.fullName} has no value ${JSON.stringify(value)}`);
    writer.int32(number);
    return;
  }
  if (typeof value === 'string' && field.type === 'string') writer.string(value);
  else if (typeof value === 'boolean' && field.type === 'bool') writer.bool(value);
  else if (typeof value === 'number' && field.type === 'uint32') writer.uint32(value);
  else if (typeof value === 'number' && field.type === 'int32') writer.int32(value);
  else if (typeof value === 'number' && field.type === 'uint64') writer.uint64(value);
  else if (typeof value === 'number' && field.type === 'int64') writer.int64(value);
  else if (typeof value === 'number' && field.type === 'double') writer.double(value);
  else throw new Error(`${field.fullName} cannot be ${typeof value}`);
}

function asArray(field: protobuf.FieldBase, value: ProtoValue): readonly ProtoValue[] {
  if (!isArray(value)) throw new Error(`${field.fullName} is not an array`);
  return value;
}

function asMessage(field: protobuf.FieldBase, value: ProtoValue): ProtoMessage {
  if (typeof value !== 'object' || value === null || isArray(value))
    throw new Error(`${field.fullName} is not a message`);
  return value;
}

function isArray(value: ProtoValue): value is readonly ProtoValue[] {
  return Array.isArray(value);
}
