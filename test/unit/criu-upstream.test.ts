/** Our subset of CRIU's image formats against the descriptors and magic numbers that CRIU's own library has. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, it } from 'vitest';
import { coreImage, filesImage, inventoryImage, pagemapImage, tcpStreamImage } from '../../agent/images/image.ts';
import { file_core_x86 } from '../../proto/gen/criu/core-x86_pb.ts';
import { file_core } from '../../proto/gen/criu/core_pb.ts';
import { file_fdinfo } from '../../proto/gen/criu/fdinfo_pb.ts';
import { file_fown } from '../../proto/gen/criu/fown_pb.ts';
import { file_inventory } from '../../proto/gen/criu/inventory_pb.ts';
import { file_pagemap } from '../../proto/gen/criu/pagemap_pb.ts';
import { file_siginfo } from '../../proto/gen/criu/siginfo_pb.ts';
import { file_sk_inet } from '../../proto/gen/criu/sk-inet_pb.ts';
import { file_sk_opts } from '../../proto/gen/criu/sk-opts_pb.ts';
import { file_tcp_stream } from '../../proto/gen/criu/tcp-stream_pb.ts';
import { file_timerfd } from '../../proto/gen/criu/timerfd_pb.ts';
import { protoDirectory } from '../../proto/load.ts';
import { unpackOnce } from './debian-packages.ts';

const ours = [
  file_core_x86,
  file_core,
  file_fdinfo,
  file_fown,
  file_inventory,
  file_pagemap,
  file_siginfo,
  file_sk_inet,
  file_sk_opts,
  file_tcp_stream,
  file_timerfd,
].map(({ proto }) => proto);

/** From the name of a message or enum to its fields or values, and these to what they are. */
type Schema = Map<string, Map<string, { number: number; is: string }>>;

function schemaOf(files: readonly FileDescriptorProto[]): Schema {
  return new Map(files.flatMap(({ messageType, enumType }) => tablesOf('', messageType, enumType)));
}

function tablesOf(
  parent: string,
  messages: readonly DescriptorProto[],
  enums: readonly EnumDescriptorProto[],
): [string, Map<string, { number: number; is: string }>][] {
  return [
    ...enums.map(({ name, value }): ReturnType<typeof tablesOf>[number] => [
      `${parent}${name}`,
      new Map(value.map((each) => [each.name, { number: each.number, is: `= ${each.number}` }])),
    ]),
    ...messages.flatMap(
      ({ name, field, nestedType, enumType }): ReturnType<typeof tablesOf> => [
        [`${parent}${name}`, new Map(field.map((each) => [each.name, { number: each.number, is: fieldIs(each) }]))],
        ...tablesOf(`${parent}${name}.`, nestedType, enumType),
      ],
    ),
  ];
}

/** On the wire, required is optional, a string is bytes, and an enum a number. */
function fieldIs({ label, type, typeName, number, options }: FieldDescriptorProto): string {
  const onWire = type === Type.STRING ? Type.BYTES : type === Type.ENUM ? Type.UINT32 : type;
  const what = onWire === Type.MESSAGE ? typeName : Type[onWire];
  const many = label === Label.REPEATED ? `repeated${options?.packed === true ? ' packed' : ''} ` : '';
  return `${many}${what} = ${number}`;
}

/** What protoc writes into a module of Python. */
function descriptorIn(module: string): FileDescriptorProto {
  const literal = /AddSerializedFile\(b'((?:[^'\\]|\\.)*)'\)/s.exec(module)?.[1];
  if (literal === undefined) throw new Error('no descriptor in it');
  const named: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
  const bytes = literal.replaceAll(
    /\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))/gs,
    (_, hex?: string, octal?: string, char = '') =>
      hex !== undefined || octal !== undefined
        ? String.fromCharCode(Number.parseInt(hex ?? octal ?? '', hex === undefined ? 8 : 16))
        : (named[char] ?? char),
  );
  return fromBinary(FileDescriptorProtoSchema, Buffer.from(bytes, 'latin1'));
}

let upstream: Schema;
let magics: string;

beforeAll(async () => {
  const cache = process.env['PODFERRY_CACHE'] ?? '/var/cache/podferry';
  const directory = join(cache, 'upstream-criu');
  await unpackOnce(directory, 'forky', ['python3-pycriu']);
  const images = join(directory, 'usr/lib/python3/dist-packages/pycriu/images');
  const modules = ours.map(({ name }) => name.replace('.proto', '_pb2.py').replaceAll('-', '_'));
  upstream = schemaOf(modules.map((name) => descriptorIn(readFileSync(join(images, name), 'utf8'))));
  magics = readFileSync(join(images, 'magic.py'), 'utf8');
}, 180_000);

describe("our subset of CRIU's formats", () => {
  it('is compared as a whole', () => {
    const files = globSync('criu/**/*.proto', { cwd: protoDirectory }).map((file) => file.replace('criu/', ''));
    expect(ours.map(({ name }) => name).sort()).toEqual(files.sort());
  });

  it("has upstream's names, numbers, types and labels", () => {
    const known = new Map([...schemaOf(ours)].filter(([, fields]) => fields.size > 0));
    expect(known.size).toBeGreaterThan(20);
    for (const [name, fields] of known) {
      for (const [field, { is }] of fields)
        expect(`${name}.${field} ${upstream.get(name)?.get(field)?.is}`).toBe(`${name}.${field} ${is}`);
    }
  });

  it('has of each message all fields up to the last that it knows, or none, so that their order stays', () => {
    // Of these a file has one.
    const apart = ['file_entry'];
    for (const [name, fields] of schemaOf(ours)) {
      const last = Math.max(0, ...[...fields.values()].map(({ number }) => number));
      const lacking = [...(upstream.get(name) ?? [])].filter(
        ([field, { number }]) => number < last && !fields.has(field),
      );
      if (!apart.includes(name)) expect(lacking, name).toEqual([]);
    }
  });

  it('knows the magic numbers', () => {
    const kinds = {
      INVENTORY: inventoryImage,
      FILES: filesImage,
      CORE: coreImage,
      PAGEMAP: pagemapImage,
      TCP_STREAM: tcpStreamImage,
    };
    for (const [name, kind] of Object.entries(kinds)) {
      const names = kind.magics.map((magic) => magics.match(new RegExp(`by_val\\[${magic}\\] = '(.*)'`))?.[1]);
      expect(names).toEqual(name === 'INVENTORY' ? [name] : ['IMG_COMMON', name]);
    }
  });
});
