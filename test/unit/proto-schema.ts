/**
 * A .proto as a flat table, so that two of them can be compared line by line.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

/** What must be equal on both sides of the wire: from the full name of a field, value or method to its description. */
export type Schema = ReadonlyMap<string, string>;

/**
 * @param directories where files and imports are looked for, in this order
 * @throws protobufjs' error on a file that is missing or cannot be parsed
 */
export function readProtos(directories: readonly string[], files: readonly string[]): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    directories.map((directory) => join(directory, target)).find((path) => existsSync(path)) ?? target;
  root.loadSync([...files], { keepCase: true }).resolveAll();
  return root;
}

/** Everything in the tree, google's own types left out: they come with the parser on both sides. */
export function describe(node: protobuf.NamespaceBase): Schema {
  return new Map(node.nestedArray.filter(({ name }) => name !== 'google').flatMap((nested) => describeOne(nested)));
}

function describeOne(object: protobuf.ReflectionObject): [string, string][] {
  const name = fullName(object);
  if (object instanceof protobuf.Enum) {
    return Object.entries(object.values).map(([key, number]) => [`${name}.${key}`, `= ${number}`]);
  }
  const nested = object instanceof protobuf.Namespace ? [...describe(object)] : [];
  if (object instanceof protobuf.Type) {
    return [...object.fieldsArray.map((field): [string, string] => [fullName(field), describeField(field)]), ...nested];
  }
  if (object instanceof protobuf.Service) {
    return object.methodsArray.map((method) => [fullName(method), describeMethod(method)]);
  }
  return nested;
}

function describeField(field: protobuf.Field): string {
  const type = field.resolvedType === null ? field.type : fullName(field.resolvedType);
  const oneof = field.partOf === null ? '' : `oneof ${field.partOf.name} `;
  const label =
    field instanceof protobuf.MapField ? `map from ${field.keyType} to ` : field.repeated ? 'repeated ' : '';
  return `${oneof}${label}${type} = ${field.id}`;
}

function describeMethod({ requestStream, responseStream, resolvedRequestType, resolvedResponseType }: protobuf.Method) {
  const request = `${requestStream === true ? 'stream ' : ''}${fullName(resolvedRequestType)}`;
  return `${request} → ${responseStream === true ? 'stream ' : ''}${fullName(resolvedResponseType)}`;
}

/** The names of the messages and enums that a message of type `name` can contain, itself included. */
export function reachable(root: protobuf.Root, name: string): Set<string> {
  const found = new Set<string>();
  const visit = (type: protobuf.Type | protobuf.Enum): void => {
    if (found.has(fullName(type))) return;
    found.add(fullName(type));
    if (type instanceof protobuf.Enum) return;
    for (const { resolvedType } of type.fieldsArray) if (resolvedType !== null) visit(resolvedType);
  };
  visit(root.lookupType(name));
  return found;
}

function fullName(object: protobuf.ReflectionObject | null): string {
  return object === null ? '(unresolved)' : object.fullName.slice(1);
}
