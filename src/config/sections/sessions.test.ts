import test from 'ava'
import { limits } from '../../datapath/layout.gen.ts'
import { userSessionLimits } from '../../lb/user-sessions.ts'
import { ConfigErrors } from '../errors.ts'
import { checkSessionInputs, parse } from '../parse.ts'
import { toSession, toSessionInput } from './sessions.ts'

const head = 'version: 1\ninterfaces: [{ name: eth0 }]\n'

/** `path: message` of each. */
const mistakes = (text: string): readonly string[] => {
  try {
    parse(`${head}${text}`)
    return []
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error
    return error.errors.map(({ path, message }) => `${path}: ${message}`)
  }
}

const one = (more: object = {}): object => ({
  name: 'alice',
  ueAddresses: ['10.60.0.1'],
  uplink: { address: '192.0.2.1', teid: 17 },
  downlink: { address: '10.0.1.2', teid: 34 },
  classifiers: [{ prefix: '10.0.2.0/24', qfi: 9 }],
  ...more,
})

const sessions = (...all: readonly object[]): string => `sessions: ${JSON.stringify(all)}\n`

test('sessions: the model has canonical addresses and prefixes, and TEIDs may be hexadecimal', (t) => {
  const config = parse(`${head}
sessions:
  - name: alice
    ueAddresses: [10.60.0.1, '2001:DB8:60:0::1']
    uplink: { address: '2001:db8:0::1', teid: 0x11 }
    downlink: { address: '2001:db8:1::0002', teid: 34 }
    classifiers:
      - { prefix: 10.0.2.7, qfi: 9 }
      - { prefix: 'FD00:2::/64', qfi: 0 }
`)
  t.deepEqual(config.sessions, [
    {
      name: 'alice',
      owner: 'file',
      ueAddresses: ['10.60.0.1', '2001:db8:60::1'],
      uplink: { address: '2001:db8::1', teid: 17 },
      downlink: { address: '2001:db8:1::2', teid: 34 },
      classifiers: [
        { prefix: '10.0.2.7/32', qfi: 9 },
        { prefix: 'fd00:2::/64', qfi: 0 },
      ],
    },
  ])
  t.deepEqual(toSession(toSessionInput(config.sessions[0]!), 'file'), config.sessions[0])
})

test('sessions: none are the default, and one without classifiers is a session', (t) => {
  t.deepEqual(parse(head).sessions, [])
  t.deepEqual(parse(`${head}${sessions(one({ classifiers: undefined }))}`).sessions[0]?.classifiers, [])
})

test('sessions: all mistakes of all sessions are told at once, each with its path', (t) => {
  const found = mistakes(
    sessions(
      one({ ueAddresses: ['10.60.0.1', '10.60.0.2'], uplink: { address: '192.0.2.1', teid: 0 } }),
      one({
        name: 'a b',
        ueAddresses: ['127.0.0.1'],
        uplink: { address: '2001:db8::1', teid: 18 },
        classifiers: [
          { prefix: '10.0.2.0/33', qfi: 64 },
          { prefix: 'fd00::/8', qfi: 1 },
        ],
      }),
      one({ ueAddresses: [], downlink: undefined, uplink: { address: '192.0.2.1', teid: 19 }, color: 1 }),
    ),
  )
  const expected = [
    /^sessions\[0\]\.ueAddresses\[1\]: is a second IPv4 address, after ueAddresses\[0\]/,
    /^sessions\[0\]\.uplink\.teid: must be a whole number from 1 to 4294967295, not 0/,
    /^sessions\[1\]\.name: must be 1 to 128 characters/,
    /^sessions\[1\]\.ueAddresses\[0\]: 127\.0\.0\.1 is loopback.*cannot be a UE/,
    /^sessions\[1\]\.downlink\.address: 10\.0\.1\.2 is not of the family of uplink\.address/,
    /^sessions\[1\]\.classifiers\[0\]\.prefix: 10\.0\.2\.0\/33 is no prefix/,
    /^sessions\[1\]\.classifiers\[0\]\.qfi: must be a whole number from 0 to 63, not 64/,
    /^sessions\[1\]\.classifiers\[1\]\.prefix: fd00::\/8 is of a family of which the UE has no address/,
    /^sessions\[2\]\.ueAddresses: needs at least 1 item/,
    /^sessions\[2\]\.downlink: is missing/,
    /^sessions\[2\]\.color: there is no field "color"/,
    /^sessions\[2\]\.name: "alice" is already the name of sessions\[0\] \(alice\)/,
  ]
  for (const wanted of expected)
    t.true(
      found.some((line) => wanted.test(line)),
      `${wanted.source}\n${found.join('\n')}`,
    )
  t.is(found.length, expected.length, found.join('\n'))
})

test('sessions: a name, a user and an uplink tunnel are of one session, however they are spelt', (t) => {
  const v6 = (name: string, ue: string, teid: number, address = '2001:db8::1'): object =>
    one({ name, ueAddresses: [ue], uplink: { address, teid }, downlink: { address: 'fd00::1', teid }, classifiers: [] })
  t.deepEqual(
    mistakes(
      sessions(
        v6('a', '2001:db8:60:1::1', 1),
        v6('b', '2001:DB8:60:1:9::9', 2),
        v6('c', '2001:db8:60:2::1', 1, '2001:DB8:0::1'),
        v6('a', '2001:db8:60:3::1', 4),
      ),
    ).map((line) => line.split(':')[0]),
    ['sessions[1].ueAddresses[0]', 'sessions[2].uplink', 'sessions[3].name'],
  )
  t.deepEqual(
    mistakes(
      sessions(
        one({
          classifiers: [
            { prefix: '10.0.2.9/24', qfi: 1 },
            { prefix: '10.0.2.0/24', qfi: 2 },
          ],
        }),
      ),
    ),
    ['sessions[0].classifiers[1].prefix: 10.0.2.0/24 is already classifiers[0]: remove one of them'],
  )
})

test('sessions: the limits are those of the fast path, and more is refused', (t) => {
  t.deepEqual(userSessionLimits, { addresses: limits.uplinks, classifiers: limits.classifiers })
  const many = Array.from({ length: 65 }, (_, index) => ({
    ...toSessionInput({
      name: `u${index}`,
      owner: 'api',
      ueAddresses: [`10.60.0.${index}`],
      uplink: { address: '192.0.2.1', teid: index + 1 },
      downlink: { address: '10.0.1.2', teid: 1 },
      classifiers: Array.from({ length: 4096 }, (__, place) => ({
        prefix: `10.${100 + (place >> 8)}.${place & 255}.1/32`,
        qfi: 1,
      })),
    }),
  }))
  t.throws(() => checkSessionInputs(many), { message: /sessions: have 266240 classifiers, more than the 262144/ })
})
