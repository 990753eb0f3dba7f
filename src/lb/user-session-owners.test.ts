import test from 'ava'
import { FakeUserSessions } from '../testing/fake-user-sessions.ts'
import { UserSessionOwners } from './user-session-owners.ts'
import { UserSessionError } from './user-sessions.ts'
import type { UserSession } from './user-sessions.ts'

const session = (user: number, more: Partial<UserSession> = {}): UserSession => ({
  ueAddresses: [`10.60.0.${user}`],
  uplink: { address: '192.0.2.1', teid: user },
  downlink: { address: '10.0.1.2', teid: user },
  classifiers: [],
  ...more,
})

const usersOf = (sessions: readonly UserSession[]): readonly string[] =>
  sessions.flatMap(({ ueAddresses }) => ueAddresses)

test('user sessions: an owner sees and changes only its own', (t) => {
  const owners = new UserSessionOwners(new FakeUserSessions())
  const [file, n4] = [owners.as('file'), owners.as('n4 core')]
  file.install(session(1))
  n4.install(session(2))
  t.deepEqual(usersOf(file.list()), ['10.60.0.1'])
  t.deepEqual(usersOf(n4.list()), ['10.60.0.2'])
  t.false(n4.remove('10.60.0.1'))
  t.is(n4.counts('10.60.0.1'), null)
  t.not(file.counts('10.60.0.1'), null)
  owners.forget('n4 core')
  t.deepEqual(owners.list(), [{ owner: 'file', session: session(1) }])
  t.true(file.remove('10.60.0.1'))
  t.deepEqual(owners.list(), [])
})

test('user sessions: a user or a tunnel of another owner is refused by name, and nothing has changed', (t) => {
  const fake = new FakeUserSessions()
  const owners = new UserSessionOwners(fake)
  const [api, n4] = [owners.as('api'), owners.as('n4 core')]
  n4.install(session(1, { ueAddresses: ['10.60.0.1', '2001:db8:60:1::1'] }))
  const refused = (wanted: UserSession): UserSessionError | undefined =>
    t.throws(() => api.install(wanted), { instanceOf: UserSessionError })
  const [ofUser, ofPrefix, ofTunnel] = [
    refused(session(1, { uplink: { address: '192.0.2.1', teid: 9 } })),
    refused(session(2, { ueAddresses: ['2001:db8:60:1::9'] })),
    refused(session(2, { uplink: { address: '192.0.2.1', teid: 1 } })),
  ]
  t.deepEqual([ofUser?.reason, ofPrefix?.reason, ofTunnel?.reason], Array(3).fill('other owner'))
  t.regex(ofUser?.message ?? '', /10\.60\.0\.1 has a session of the N4 service core/)
  t.regex(ofTunnel?.message ?? '', /192\.0\.2\.1 TEID 1 is that of user 10\.60\.0\.1, 2001:db8:60:1::1/)
  t.is(fake.calls.length, 1)
})

test('user sessions: what replaces a session leaves nothing of it to its owner', (t) => {
  const owners = new UserSessionOwners(new FakeUserSessions())
  const [api, file] = [owners.as('api'), owners.as('file')]
  api.install(session(1, { ueAddresses: ['10.60.0.1', '2001:db8:60:1::1'] }))
  api.install(session(1, { uplink: { address: '192.0.2.1', teid: 9 } }))
  file.install(session(2, { ueAddresses: ['2001:db8:60:1::1'], uplink: { address: '192.0.2.1', teid: 1 } }))
  t.deepEqual(usersOf(api.list()), ['10.60.0.1'])
  t.deepEqual(usersOf(file.list()), ['2001:db8:60:1::1'])
})

test('user sessions: what the datapath refuses is owned by nobody', (t) => {
  const fake = new FakeUserSessions()
  const owners = new UserSessionOwners(fake)
  fake.failAt('10.60.0.1')
  t.throws(() => owners.as('api').install(session(1)), { message: /no room/ })
  t.deepEqual(owners.list(), [])
  t.notThrows(() => owners.as('file').install(session(1)))
})
