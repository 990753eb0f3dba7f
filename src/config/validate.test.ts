import test from 'ava'
import fc from 'fast-check'
import { Check } from 'typebox/value'
import { fileSchema, jsonSchema, schemaNode } from './schema.ts'
import { nearest } from './suggest.ts'
import { validate } from './validate.ts'

// What may stand in a service: right values and wrong ones, so that both verdicts come up often.
const wrongKind = fc.constantFrom<unknown>(null, true, 1.5, -1, '', 'x', [], {})
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: right }, wrongKind)
const port = mostly(fc.constantFrom(1, 80, 65535, 0, 65536))
const address = mostly(fc.oneof(fc.ipV4(), fc.ipV6()))
const endpoint = fc.record(
  { address, port, weight: mostly(fc.constantFrom(0, 1, 255, 256)), drained: mostly(fc.boolean()), other: wrongKind },
  { requiredKeys: ['address'] },
)
const service = fc.record(
  {
    name: mostly(fc.constantFrom('web', 'a b')),
    vip: address,
    port,
    protocol: mostly(fc.constantFrom('tcp', 'udp', 'icmp', 'sctp')),
    mode: mostly(fc.constantFrom('dnat', 'onearm', 'fullnat')),
    endpoints: mostly(fc.array(endpoint, { maxLength: 2 })),
    other: wrongKind,
  },
  { requiredKeys: ['vip', 'protocol', 'endpoints'] },
)

test('validate: accepts and refuses what a general validator of JSON Schema does with the exported schema', (t) => {
  const exported = jsonSchema()
  const verdicts = { accepted: 0, refused: 0 }
  const services = fc.array(fc.oneof({ weight: 9, arbitrary: service }, wrongKind), { maxLength: 2 })
  fc.assert(
    fc.property(services, (value) => {
      const file = { version: 1, interfaces: [{ name: 'eth0' }], services: value }
      let mistakes = 0
      validate(schemaNode(fileSchema), file, [], () => mistakes++)
      verdicts[mistakes === 0 ? 'accepted' : 'refused']++
      return (mistakes === 0) === Check(exported, file)
    }),
    { numRuns: 2000 },
  )
  t.true(verdicts.accepted > 100, JSON.stringify(verdicts))
  t.true(verdicts.refused > 100, JSON.stringify(verdicts))
})

test('validate: a schema it cannot read is a mistake of the program', (t) => {
  t.throws(() => validate({}, 1, ['a'], () => {}), { message: /schema of "a" has no type/ })
  t.throws(() => validate({ type: 'string', format: 'date' }, '1', ['a'], () => {}), { message: /unknown format date/ })
})

test('validate: a very long wrong value is cut in the message', (t) => {
  const messages: string[] = []
  validate({ type: 'integer' }, 'x'.repeat(10_000), [], (_, message) => messages.push(message))
  t.true((messages[0] ?? '').length < 200)
})

test('suggest: finds the name that was meant, and none when nothing is near', (t) => {
  const names = ['endpoints', 'select', 'weight', 'port', 'protocol', 'vip']
  t.is(nearest('endpoint', names), 'endpoints')
  t.is(nearest('endPoints', names), 'endpoints')
  t.is(nearest('sel', names), 'select')
  t.is(nearest('wieght', names), 'weight')
  t.is(nearest('proto', names), 'protocol')
  t.is(nearest('colour', names), undefined)
  t.is(nearest('x'.repeat(1000), names), undefined)
})
