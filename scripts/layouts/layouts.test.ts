import test from 'ava'
import { Btf } from './btf.ts'
import { emit } from './emit.ts'
import { declarations } from './headers.ts'

const header = `/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this header is for. */
#pragma once
#include "types.h"

/* How it goes
 * on a second line. */
enum door_state {
	DOOR_OPEN, /* wide */
	DOOR_STATE_SHUT = 1,
	DOOR_MAX,
};

/* A door. */
struct door {
	__u8 mac[6];   /* of the lock */
	__be16 port;
	__u64 opened; /* times */
};
_Static_assert(sizeof(struct door) == 16, "door");
`

// As bpftool prints it, cut down to what is read.
const dump = JSON.stringify({
  types: [
    { id: 1, kind: 'INT', name: 'unsigned char', size: 1, encoding: '(none)' },
    { id: 2, kind: 'TYPEDEF', name: '__u8', type_id: 1 },
    { id: 3, kind: 'ARRAY', name: '(anon)', type_id: 2, nr_elems: 6 },
    { id: 4, kind: 'INT', name: 'unsigned short', size: 2, encoding: '(none)' },
    { id: 5, kind: 'TYPEDEF', name: '__be16', type_id: 4 },
    { id: 6, kind: 'INT', name: 'long long', size: 8, encoding: 'SIGNED' },
    {
      id: 7,
      kind: 'STRUCT',
      name: 'door',
      size: 16,
      members: [
        { name: 'mac', type_id: 3, bits_offset: 0 },
        { name: 'port', type_id: 5, bits_offset: 48 },
        { name: '(anon)', type_id: 9, bits_offset: 64 },
      ],
    },
    {
      id: 8,
      kind: 'ENUM',
      name: 'door_state',
      size: 4,
      values: [
        { name: 'DOOR_OPEN', val: 0 },
        { name: 'DOOR_STATE_SHUT', val: 1 },
        { name: 'DOOR_MAX', val: 2 },
      ],
    },
    {
      id: 9,
      kind: 'UNION',
      name: '(anon)',
      members: [
        { name: 'opened', type_id: 6, bits_offset: 0 },
        { name: 'closed', type_id: 4, bits_offset: 0 },
      ],
    },
    { id: 10, kind: 'STRUCT', name: 'bits', size: 4, members: [{ name: 'one', type_id: 4, bits_offset: 3 }] },
  ],
})

test('layouts: finds the structs and enums of a header with their comments', (t) => {
  const [state, door] = declarations(header)
  t.like(state, { kind: 'enum', name: 'door_state', comment: 'How it goes on a second line.' })
  t.deepEqual([...(state?.members ?? [])], [['DOOR_OPEN', 'wide']])
  t.like(door, { kind: 'struct', name: 'door', comment: 'A door.' })
  t.deepEqual([...(door?.members.keys() ?? [])], ['mac', 'opened'])
})

test('layouts: reads offsets and byte order from BTF, and an anonymous union as its first member', (t) => {
  t.deepEqual(new Btf(dump).struct('door').fields, [
    {
      name: 'mac',
      offset: 0,
      type: { kind: 'array', element: { kind: 'int', size: 1, signed: false, bigEndian: false }, length: 6 },
    },
    { name: 'port', offset: 6, type: { kind: 'int', size: 2, signed: false, bigEndian: true } },
    { name: 'opened', offset: 8, type: { kind: 'int', size: 8, signed: true, bigEndian: false } },
  ])
})

test('layouts: refuses what no codec can read', (t) => {
  t.throws(() => new Btf(dump).struct('bits'), { message: /bit field/ })
  t.throws(() => new Btf(dump).struct('window'), { message: /no struct window/ })
})

test('layouts: writes an enum as numbers and names without its own prefix', (t) => {
  const [declaration] = declarations(header)
  if (declaration === undefined) return t.fail()
  const text = emit([{ ...new Btf(dump).enum('door_state'), declaration }], 0xfn)
  t.regex(text, /export const doorState = \{\n\/\*\* wide \*\/\nopen: 0,\nshut: 1,\n\} as const/)
  t.regex(text, /doorStateNames: readonly DoorState\[\] = \[\n'open', 'shut'\n\]\nexport const doorStateCount = 2/)
  t.regex(text, /layoutHash = 0x000000000000000fn/)
})

test('layouts: writes a struct as a reader and a writer', (t) => {
  const [, declaration] = declarations(header)
  if (declaration === undefined) return t.fail()
  const text = emit([{ ...new Btf(dump).struct('door'), declaration }], 0n)
  for (const line of [
    'export const doorSize = 16',
    'mac: readBytes(view, offset, 6),',
    'port: view.getUint16(offset + 6, false),',
    'view.setBigInt64(offset + 8, value.opened, true)',
  ]) {
    t.true(text.includes(line), line)
  }
})
