import test from 'ava'
import { Type } from 'typebox'
import { fold } from './fold.ts'

const schema = Type.Object({
  outer: Type.Object({ externalIP: Type.String(), bgp: Type.Boolean() }),
  list: Type.Array(Type.Object({ endpointIP: Type.String() })),
})

test('fold: keys are found in any case, deep inside objects and lists', (t) => {
  t.deepEqual(
    fold({ OUTER: { ExternalIp: 'a', BGP: true }, List: [{ endpointip: 'b' }, { ENDPOINTIP: 'c' }] }, schema),
    {
      outer: { externalIP: 'a', bgp: true },
      list: [{ endpointIP: 'b' }, { endpointIP: 'c' }],
    },
  )
})

test('fold: unknown keys and nulls are left out', (t) => {
  t.deepEqual(fold({ path_prefix: '/', list: null, outer: { bgp: null, mtls: { a: 1 } } }, schema), { outer: {} })
})

test('fold: what has the wrong shape is handed on for the schema to refuse', (t) => {
  t.deepEqual(fold({ outer: 'x', list: { a: 1 } }, schema), { outer: 'x', list: { a: 1 } })
  t.is(fold(null, schema), null)
  t.deepEqual(fold([1], schema), [1])
})

test('fold: a key that is a trap of JavaScript is an unknown key', (t) => {
  t.deepEqual(fold(JSON.parse('{"__proto__": {"bgp": true}, "constructor": 1}'), schema), {})
})
