import test from 'ava'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ResourceError } from '../lb/datapath.ts'
import { ConflictError, NotFoundError } from '../lb/errors.ts'
import { FakeDatapath } from '../testing/fake-datapath.ts'
import { service } from '../testing/services.ts'
import { Controller } from './controller.ts'
import { ConfigErrors } from './errors.ts'
import { toServiceInput } from './sections/services.ts'
import { toSessionInput } from './sections/sessions.ts'
import { describeSessions } from './user-sessions.ts'
import type { ExecutionContext } from 'ava'
import type { NamedUserSession } from '../lb/user-session-registry.ts'

const api = { owner: 'api' } as const

const session = (name: string, user: number, more: Partial<NamedUserSession> = {}): NamedUserSession => ({
  name,
  owner: 'api',
  ueAddresses: [`10.60.0.${user}`],
  uplink: { address: '192.0.2.1', teid: user },
  downlink: { address: '10.0.1.2', teid: user },
  classifiers: [{ prefix: '10.0.2.0/24', qfi: 9 }],
  ...more,
})

const yaml = (sessions: readonly NamedUserSession[], more = ''): string =>
  `version: 1\ninterfaces: [{ name: eth0 }]\nsessions: ${JSON.stringify(sessions.map(toSessionInput))}\n${more}`

const world = async (t: ExecutionContext, text: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-sessions-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const configFile = join(directory, 'sluice.yaml')
  const stateDirectory = join(directory, 'state')
  await writeFile(configFile, text)
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const limits = { services: 10, endpoints: 10 }
  const start = async (datapath = new FakeDatapath()) => {
    const controller = await Controller.open({ datapath, stateDirectory, configFile, limits, log, now: () => 0 })
    return { controller, datapath }
  }
  return { configFile, stateDirectory, start, write: (next: string) => writeFile(configFile, next) }
}

/** What the fast path has, by owner: `file 10.60.0.1`. */
const installed = ({ userSessions }: FakeDatapath): readonly string[] =>
  userSessions
    .list()
    .map(({ owner, session: { ueAddresses, uplink } }) => `${owner} ${ueAddresses.join()} ${uplink.teid}`)

test('sessions: those of the file and of the API are installed, also after a restart', async (t) => {
  const { start } = await world(t, yaml([session('alice', 1)]))
  const { controller, datapath } = await start()
  t.deepEqual(installed(datapath), ['file 10.60.0.1 1'])
  const bob = session('bob', 2, { classifiers: [] })
  t.is((await controller.updateUserSessions(() => ({ put: [bob] }), api)).length, 1)
  t.deepEqual(await controller.updateUserSessions(() => ({ put: [bob] }), api), [])
  t.deepEqual(installed((await start()).datapath), ['file 10.60.0.1 1', 'api 10.60.0.2 2'])
  const again = await start()
  t.deepEqual(again.controller.userSessions()[1], bob)
  await again.controller.updateUserSessions(() => ({ remove: ['bob'] }), api)
  t.deepEqual(installed((await start()).datapath), ['file 10.60.0.1 1'])
})

test('sessions: a reload changes what differs in the file, and leaves all others as they are', async (t) => {
  const { start, write } = await world(t, yaml([session('alice', 1), session('bob', 2), session('carol', 3)]))
  const { controller, datapath } = await start()
  await controller.updateUserSessions(() => ({ put: [session('dave', 4)] }), api)
  datapath.userSessions.as('n4 core').install(session('', 5))
  const { calls } = datapath.fakeUserSessions
  calls.splice(0)
  await write(
    yaml([session('alice', 1), session('carol', 3, { downlink: { address: '10.0.1.9', teid: 7 } }), session('eve', 6)]),
  )
  const { services, sessions } = await controller.reload()
  t.deepEqual(services, [])
  t.deepEqual(describeSessions(sessions), [
    '- session bob',
    '~ session carol: downlink 10.0.1.2 TEID 3 -> 10.0.1.9 TEID 7',
    '+ session eve: ueAddresses 10.60.0.6; uplink 192.0.2.1 TEID 6; downlink 10.0.1.2 TEID 6; ' +
      'classifiers 10.0.2.0/24 QFI 9; owner file',
  ])
  t.deepEqual(calls, ['remove 10.60.0.2', 'install 10.60.0.3', 'install 10.60.0.6'])
  t.deepEqual(installed(datapath).toSorted(), [
    'api 10.60.0.4 4',
    'file 10.60.0.1 1',
    'file 10.60.0.3 3',
    'file 10.60.0.6 6',
    'n4 core 10.60.0.5 5',
  ])
})

test('sessions: users and tunnels may change places in one change', async (t) => {
  const { start, write } = await world(t, yaml([session('alice', 1), session('bob', 2)]))
  const { controller, datapath } = await start()
  await write(
    yaml([
      session('alice', 1, { uplink: session('', 2).uplink }),
      session('bob', 2, { uplink: session('', 1).uplink }),
    ]),
  )
  t.is((await controller.reload()).sessions.length, 2)
  t.deepEqual(installed(datapath), ['file 10.60.0.1 2', 'file 10.60.0.2 1'])
})

test('sessions: what belongs to the file is not changed through the API, and the other way round', async (t) => {
  const { configFile, start, write } = await world(t, yaml([session('alice', 1)]))
  const { controller, datapath } = await start()
  const put = (one: NamedUserSession) => controller.updateUserSessions(() => ({ put: [one] }), api)
  await t.throwsAsync(put(session('alice', 7)), {
    instanceOf: ConflictError,
    message: `session alice belongs to ${configFile}: edit it there and send the daemon SIGHUP`,
  })
  await t.throwsAsync(
    controller.updateUserSessions(() => ({ remove: ['alice'] }), api),
    { instanceOf: ConflictError },
  )
  await t.throwsAsync(
    controller.updateUserSessions(() => ({ remove: ['nobody'] }), api),
    { instanceOf: NotFoundError },
  )
  await t.throwsAsync(put(session('bob', 1, { uplink: { address: '192.0.2.1', teid: 9 } })), {
    instanceOf: ConflictError,
    message: /session alice of .* and session bob of the API are both of the user 10\.60\.0\.1: remove alice from/,
  })
  await t.throwsAsync(put(session('bob', 2, { uplink: { address: '192.0.2.1', teid: 1 } })), {
    instanceOf: ConflictError,
    message: /both have the uplink tunnel 192\.0\.2\.1 TEID 1/,
  })
  await put(session('bob', 2))
  await write(yaml([session('alice', 1), session('bob', 3)]))
  await t.throwsAsync(controller.reload(), {
    instanceOf: ConflictError,
    message: /have the same name "bob": .*sluice delete user-session bob/,
  })
  t.deepEqual(installed(datapath), ['file 10.60.0.1 1', 'api 10.60.0.2 2'])
})

test('sessions: what is bad in itself is refused by path, and nothing has changed', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller, datapath } = await start()
  const put = [session('alice', 1), session('b b', 2, { uplink: { address: '192.0.2.1', teid: 0 } })]
  const error = await t.throwsAsync(
    controller.updateUserSessions(() => ({ put }), api),
    { instanceOf: ConfigErrors },
  )
  t.deepEqual(
    error?.errors.map(({ path }) => path),
    ['sessions[1].name', 'sessions[1].uplink.teid'],
  )
  t.deepEqual(installed(datapath), [])
})

test('sessions: a user of signalling is a conflict, and the whole reload is taken back', async (t) => {
  const web = service({ name: 'web' })
  const services = `services: ${JSON.stringify([{ ...toServiceInput(web), announce: undefined }])}\n`
  const { start, write } = await world(t, yaml([session('alice', 1), session('bob', 2)]))
  const { controller, datapath } = await start()
  datapath.userSessions.as('n4 core').install(session('', 5))
  await write(yaml([session('alice', 1, { classifiers: [] }), session('carol', 5)], services))
  await t.throwsAsync(controller.reload(), {
    instanceOf: ConflictError,
    message: 'other owner: user 10.60.0.5 has a session of the N4 service core',
  })
  t.deepEqual(installed(datapath).toSorted(), ['file 10.60.0.1 1', 'file 10.60.0.2 2', 'n4 core 10.60.0.5 5'])
  t.is(datapath.userSessions.as('file').list()[0]?.classifiers.length, 1)
  t.deepEqual(datapath.services(), [])
  t.deepEqual(
    controller.userSessions().map(({ name }) => name),
    ['alice', 'bob'],
  )
})

test('sessions: where services are refused, or the state cannot be kept, sessions are as before', async (t) => {
  const web = service({ name: 'web' })
  const services = `services: ${JSON.stringify([{ ...toServiceInput(web), announce: undefined }])}\n`
  const { start, write, stateDirectory } = await world(t, yaml([session('alice', 1)]))
  const { controller, datapath } = await start()
  await write(yaml([session('bob', 2)], services))
  datapath.failNext(new ResourceError('slots', 'no slots'))
  await t.throwsAsync(controller.reload(), { message: 'no slots' })
  t.deepEqual(installed(datapath), ['file 10.60.0.1 1'])
  t.is((await controller.reload()).sessions.length, 2)

  // Root may write anywhere, so what is in the way is a file where the directory should be.
  await rm(stateDirectory, { recursive: true, force: true })
  await writeFile(stateDirectory, '')
  await chmod(stateDirectory, 0o600)
  const put = controller.updateUserSessions(() => ({ put: [session('carol', 3)] }), api)
  await t.throwsAsync(put, { message: /the state cannot be written/ })
  t.deepEqual(installed(datapath), ['file 10.60.0.2 2'])
  await rm(stateDirectory)
})

test('sessions: no room is a matter of resources, and what was done until then is undone', async (t) => {
  const { start } = await world(t, yaml([session('alice', 1)]))
  const { controller, datapath } = await start()
  datapath.fakeUserSessions.failAt('10.60.0.3')
  const put = [session('bob', 2), session('carol', 3)]
  await t.throwsAsync(
    controller.updateUserSessions(() => ({ put }), api),
    { instanceOf: ResourceError },
  )
  t.deepEqual(installed(datapath), ['file 10.60.0.1 1'])
  t.is((await controller.updateUserSessions(() => ({ put }), api)).length, 2)
})

test('sessions: a dry run finds the changes and makes none', async (t) => {
  const { start } = await world(t, yaml([session('alice', 1)]))
  const { controller, datapath } = await start()
  const changes = await controller.updateUserSessions(() => ({ put: [session('bob', 2)] }), { ...api, dryRun: true })
  t.is(changes.length, 1)
  t.deepEqual(installed(datapath), ['file 10.60.0.1 1'])
})
