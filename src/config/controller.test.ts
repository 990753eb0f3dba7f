import test from 'ava'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ResourceError } from '../lb/datapath.ts'
import { ConflictError, NotFoundError, UnavailableError } from '../lb/errors.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { FakeDatapath } from '../testing/fake-datapath.ts'
import { endpoint, n4Service, service } from '../testing/services.ts'
import { Controller } from './controller.ts'
import { ConfigErrors } from './errors.ts'
import { toServiceInput } from './sections/services.ts'
import type { ExecutionContext } from 'ava'
import type { Endpoint, Service } from '../lb/model.ts'

const api = { owner: 'api' } as const
const web = service({ name: 'web' })
const mail = service({ name: 'mail', address: '192.0.2.2', port: 25 })

const yaml = (services: readonly Service[], more = ''): string => {
  const inputs = services.map((one) => ({ ...toServiceInput(one), announce: undefined }))
  return `version: 1\ninterfaces: [{ name: eth0 }]\n${more}services: ${JSON.stringify(inputs)}\n`
}

interface World {
  readonly stateDirectory: string
  readonly configFile: string
  readonly logged: string[]
  /** starts a daemon's controller on a datapath of its own, as after a restart */
  readonly start: (limits?: {
    services: number
    endpoints: number
  }) => Promise<{ controller: Controller; datapath: FakeDatapath }>
}

const world = async (t: ExecutionContext, text: string): Promise<World> => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-controller-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const stateDirectory = join(directory, 'state')
  const configFile = join(directory, 'sluice.yaml')
  await writeFile(configFile, text)
  const logged: string[] = []
  const say = (_: object, message: string): void => void logged.push(message)
  const log = { debug: say, info: say, warn: say, error: say }
  const start: World['start'] = async (limits = { services: 100, endpoints: 100 }) => {
    const datapath = new FakeDatapath()
    const controller = await Controller.open({ datapath, stateDirectory, configFile, limits, log, now: () => 0 })
    return { controller, datapath }
  }
  return { stateDirectory, configFile, logged, start }
}

const names = (services: readonly Service[]): readonly string[] => services.map((one) => one.name).toSorted()
const balanced = (datapath: FakeDatapath): readonly string[] =>
  names(datapath.services().map((status) => status.service))
const firstEndpoint = (controller: Controller, of: Service): Endpoint | undefined =>
  controller.find(serviceKey(of))?.endpoints[0]

test('controller: balances what the file says and what the API made, also after a restart', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  t.deepEqual(balanced(datapath), ['web'])
  t.is(controller.find(serviceKey(web))?.owner, 'file')
  const annotated = { ...mail, annotations: { monitor: true, probeport: 25, probetype: 'tcp' } }
  t.is((await controller.put([annotated], api)).length, 1)
  t.deepEqual(balanced(datapath), ['mail', 'web'])
  t.deepEqual(await controller.put([annotated], api), [])

  const again = await start()
  t.deepEqual(balanced(again.datapath), ['mail', 'web'])
  t.deepEqual(again.controller.find(serviceKey(mail)), annotated)
})

test('controller: works without a configuration file', async (t) => {
  const { stateDirectory } = await world(t, '')
  const say = (): void => {}
  const controller = await Controller.open({
    datapath: new FakeDatapath(),
    stateDirectory,
    configFile: null,
    limits: { services: 1, endpoints: 2 },
    log: { debug: say, info: say, warn: say, error: say },
    now: () => 0,
  })
  t.is(controller.config(), null)
  await controller.put([web], api)
  t.deepEqual(await controller.reload(), { services: [], sessions: [] })
  t.deepEqual(names(controller.services()), ['web'])
})

test('controller: a dry run finds the changes and makes none', async (t) => {
  const { start, stateDirectory } = await world(t, yaml([]))
  const { controller, datapath } = await start()
  t.deepEqual(await controller.put([web], { ...api, dryRun: true }), [{ kind: 'add', service: web }])
  t.deepEqual(balanced(datapath), [])
  t.deepEqual(controller.services(), [])
  await t.throwsAsync(readFile(join(stateDirectory, 'api.json')), { code: 'ENOENT' })
  await controller.put([web], api)
  t.is((await controller.remove([serviceKey(web)], { ...api, dryRun: true })).length, 1)
  t.deepEqual(balanced(datapath), ['web'])
})

test('reload: changes what the file owns and leaves what the API made', async (t) => {
  const { start, configFile } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  await controller.put([mail], api)
  const dns = service({ name: 'dns', address: '192.0.2.3', port: 53, protocol: 'udp' })
  await writeFile(configFile, yaml([dns]))
  t.deepEqual(
    (await controller.reload()).services.map((change) => change.kind),
    ['remove', 'add'],
  )
  t.deepEqual(balanced(datapath), ['dns', 'mail'])
  t.deepEqual(await controller.reload(), { services: [], sessions: [] })
})

test('reload: a bad file is refused with all its mistakes, and the old configuration stays', async (t) => {
  const { start, configFile } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  await controller.put([mail], api)
  const before = datapath.applies.length
  await writeFile(configFile, 'version: 1\ninterfaces: [{ name: eth0, hok: tc }]\nservices: nothing\n')
  const error = await t.throwsAsync(controller.reload(), { instanceOf: ConfigErrors })
  t.deepEqual(
    error?.errors.map((one) => one.path),
    ['interfaces[0].hok', 'services'],
  )
  t.true(error?.message.startsWith(`${configFile}:2:`))
  await rm(configFile)
  await t.throwsAsync(controller.reload(), { instanceOf: ConfigErrors, message: /there is no such file/ })
  t.deepEqual(balanced(datapath), ['mail', 'web'])
  t.is(datapath.applies.length, before)
  t.deepEqual(names(controller.config()?.services ?? []), ['web'])
})

test('reload: says which sections wait for the next start', async (t) => {
  const { start, configFile, logged } = await world(t, yaml([web]))
  const { controller } = await start()
  await writeFile(configFile, yaml([web], 'limits: { flows: 2048 }\nevents: true\n'))
  t.deepEqual(await controller.reload(), { services: [], sessions: [] })
  t.is(logged.at(-1), 'limits, events differs from what is running: takes effect when the daemon is started again')
  t.is(controller.config()?.limits.flows, 2048)
})

test('ownership: a file that names what the API made is a conflict that names both', async (t) => {
  const { start, configFile } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  await controller.put([mail], api)
  await writeFile(configFile, yaml([web, { ...mail, name: 'post' }, service({ name: 'mail', port: 26 })]))
  const error = await t.throwsAsync(controller.reload(), { instanceOf: ConflictError })
  t.deepEqual(error?.message.split('\n'), [
    `service post (192.0.2.2:25/tcp) of ${configFile} and service mail (192.0.2.2:25/tcp) of the API both balance ` +
      `192.0.2.2:25/tcp: remove it from ${configFile} or delete it through the API (sluice delete lb)`,
  ])
  t.deepEqual(balanced(datapath), ['mail', 'web'])
  await t.throwsAsync(start(), { instanceOf: ConflictError }, 'nor does a daemon start on it')
})

test('ownership: two services of one name are a conflict, whoever owns them', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller } = await start()
  const message = /have the same name "web"/
  await t.throwsAsync(controller.put([service({ name: 'web', port: 81 })], api), { instanceOf: ConflictError, message })
  await controller.put([mail], api)
  await t.throwsAsync(controller.put([service({ name: 'mail', port: 81 })], api), { instanceOf: ConflictError })
  t.deepEqual(names(controller.services()), ['mail', 'web'])
})

test('ownership: the API may not change or remove what the file owns', async (t) => {
  const { start, configFile } = await world(t, yaml([web]))
  const { controller } = await start()
  const expectation = { instanceOf: ConflictError, message: new RegExp(`belongs to ${configFile}: edit it there`) }
  await t.throwsAsync(controller.put([mail, { ...web, mode: 'fullnat' }], api), expectation)
  await t.throwsAsync(controller.remove([serviceKey(web)], api), expectation)
  t.deepEqual(names(controller.services()), ['web'])
})

test('remove: removes all or none', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller, datapath } = await start()
  await controller.put([web, mail], api)
  const absent = serviceKey(service({ port: 9 }))
  const expectation = { instanceOf: NotFoundError, message: `there is no service ${absent}` }
  await t.throwsAsync(controller.remove([serviceKey(web), absent], api), expectation)
  t.deepEqual(balanced(datapath), ['mail', 'web'])
  await controller.remove([serviceKey(web), serviceKey(mail)], api)
  t.deepEqual(balanced(datapath), [])
})

test('put: the API may spell an address as it likes, and it is balanced under one spelling', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller } = await start()
  const six = service({ name: 'six', address: '2001:DB8::0:1', allowedSources: ['10.1.1.1/8'] })
  await controller.put([six], api)
  t.like(controller.services()[0], { address: '2001:db8::1', allowedSources: ['10.0.0.0/8'] })
  t.deepEqual(await controller.put([six], api), [])
})

test('put: a range that meets a service of the file is a conflict that names both', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller } = await start()
  const range = service({ name: 'range', port: 70, lastPort: 90 })
  const error = await t.throwsAsync(controller.put([range], api), { instanceOf: ConflictError })
  t.regex(error?.message ?? '', /service web .* and service range .* of the API want the same packets/)
  const others = service({ name: 'others', address: '192.0.2.9', secondary: ['192.0.2.1'] })
  await t.throwsAsync(controller.put([others], api), { instanceOf: ConflictError })
})

test('put: what the file may not say, the API may not either', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller, datapath } = await start()
  const bad = { ...web, endpoints: [endpoint('10.0.0.1', { weight: 256 }), endpoint('127.0.0.1'), endpoint('::1')] }
  const error = await t.throwsAsync(controller.put([bad, mail, mail], api), { instanceOf: ConfigErrors })
  t.deepEqual(
    error?.errors.map((one) => one.path),
    [
      'services[0].endpoints[0].weight',
      'services[0].endpoints[1].address',
      'services[0].endpoints[2].address',
      'services[2].vip',
      'services[2].name',
    ],
  )
  t.regex(error?.message ?? '', /^services\[0\]\.endpoints\[0\]\.weight: must be/)
  t.deepEqual(balanced(datapath), [])
})

test('drain: holds for services of both owners, over reload, put and restart, until it is revoked', async (t) => {
  const { start, configFile } = await world(t, yaml([web]))
  const { controller } = await start()
  await controller.put([mail], api)
  const server = endpointKey(endpoint('10.0.0.1'))
  for (const one of [web, mail]) {
    t.is((await controller.order(serviceKey(one), server, { drained: true })).length, 1)
    t.deepEqual(await controller.order(serviceKey(one), server, { drained: true }), [])
  }
  await writeFile(
    configFile,
    yaml([{ ...web, endpoints: [endpoint('10.0.0.1', { weight: 7 }), endpoint('10.0.0.9')] }]),
  )
  await controller.reload()
  await controller.put([{ ...mail, select: 'hash' }], api)
  const after = await start()
  for (const one of [controller, after.controller]) {
    t.like(firstEndpoint(one, web), { weight: 7, drained: true })
    t.like(firstEndpoint(one, mail), { drained: true })
  }
  await after.controller.order(serviceKey(web), server, { drained: false })
  t.false(firstEndpoint((await start()).controller, web)?.drained)
})

test('drain: an endpoint that went and comes back is not drained', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller } = await start()
  await controller.put([mail], api)
  await controller.order(serviceKey(mail), endpointKey(endpoint('10.0.0.1')), { drained: true })
  await controller.put([{ ...mail, endpoints: [endpoint('10.0.0.2')] }], api)
  await controller.put([mail], api)
  t.false(firstEndpoint(controller, mail)?.drained)
})

test('block: is an order of its own beside drain, kept over a restart, and each is revoked alone', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller } = await start()
  const server = endpointKey(endpoint('10.0.0.1'))
  await controller.order(serviceKey(web), server, { drained: true })
  await controller.order(serviceKey(web), server, { blocked: true })
  t.like(firstEndpoint(controller, web), { drained: true, blocked: true })
  const after = await start()
  t.like(firstEndpoint(after.controller, web), { drained: true, blocked: true })
  await after.controller.order(serviceKey(web), server, { drained: false })
  t.like(firstEndpoint(after.controller, web), { drained: false, blocked: true })
  await after.controller.order(serviceKey(web), server, { blocked: false })
  t.like(firstEndpoint(after.controller, web), { drained: false, blocked: false })
})

test('drain: a service or an endpoint that is not there is not found', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller } = await start()
  const server = endpointKey(endpoint('10.0.0.1'))
  await t.throwsAsync(controller.order(serviceKey(mail), server, { drained: true }), { instanceOf: NotFoundError })
  await t.throwsAsync(controller.order(serviceKey(web), endpointKey(endpoint('10.9.9.9')), { drained: true }), {
    instanceOf: NotFoundError,
    message: 'service web (192.0.2.1:80/tcp) has no endpoint 10.9.9.9:8080',
  })
})

test('limits: more than the daemon was started for is refused and named', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller, datapath } = await start({ services: 2, endpoints: 3 })
  const more = (port: number) => service({ port, endpoints: [endpoint('10.0.0.1')] })
  const tooMany = controller.put([more(1), more(2)], api)
  t.is((await t.throwsAsync(tooMany, { instanceOf: ResourceError }))?.limit, 'services')
  const tooWide = controller.put([service({ port: 1 })], { ...api, dryRun: true })
  t.is((await t.throwsAsync(tooWide, { instanceOf: ResourceError }))?.limit, 'endpoints')
  await controller.put([more(1)], api)
  t.is(balanced(datapath).length, 2)
})

test('order: changes that come at the same time are made one after the other', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller, datapath } = await start()
  const ports = Array.from({ length: 20 }, (_, i) => i + 1)
  const failing = controller.remove([serviceKey(mail)], api)
  const all = ports.map((port) => controller.put([service({ port })], api))
  await t.throwsAsync(failing, { instanceOf: NotFoundError })
  await Promise.all([...all, controller.reload()])
  t.is(balanced(datapath).length, 20)
  t.is(datapath.mostAtOnce, 1)
  t.is((await start()).controller.services().length, 20)
})

test('order: two that make the same service at once end with one of them', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller } = await start()
  const [first, second] = await Promise.all([
    controller.put([web], api),
    controller.put([{ ...web, mode: 'fullnat' }], api),
  ])
  t.deepEqual([first[0]?.kind, second[0]?.kind], ['add', 'update'])
  t.is(controller.find(serviceKey(web))?.mode, 'fullnat')
})

test('order: more changes than may wait are turned away', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller } = await start()
  const all = Array.from({ length: 1025 }, () => controller.put([web], { ...api, dryRun: true }))
  const results = await Promise.allSettled(all)
  const refused = results.filter((one) => one.status === 'rejected')
  t.is(refused.length, 1)
  t.true(refused[0]?.reason instanceof UnavailableError)
})

test('close: waits for what is under way and takes no more', async (t) => {
  const { start } = await world(t, yaml([]))
  const { controller, datapath } = await start()
  const put = controller.put([web], api)
  await controller.close()
  t.deepEqual(balanced(datapath), ['web'])
  await put
  await t.throwsAsync(controller.put([mail], api), { instanceOf: UnavailableError })
})

test('failure: what the datapath refuses is not in the model and not in the state', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  const applied = datapath.applies.length
  for (const error of [new ResourceError('slots', 'no room'), new ConflictError('they cannot live together')]) {
    datapath.failNext(error)
    t.is(await t.throwsAsync(controller.put([mail], api)), error)
  }
  // There was nothing to take back.
  t.is(datapath.applies.length, applied)
  t.deepEqual(names(controller.services()), ['web'])
  t.deepEqual(names((await start()).controller.services()), ['web'])
  await controller.put([mail], api)
  t.deepEqual(balanced(datapath), ['mail', 'web'])
})

test('failure: a change that breaks half-way is taken back', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  datapath.failNext(new Error('broken'), 1)
  await t.throwsAsync(controller.put([mail, service({ port: 7 })], api), { message: 'broken' })
  t.deepEqual(balanced(datapath), ['web'])
  t.deepEqual(names(controller.services()), ['web'])
})

test('failure: a change that could not be taken back is mended by the next one', async (t) => {
  const { start, logged } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  datapath.failNext(new Error('broken'), 1, 2)
  await t.throwsAsync(controller.put([mail, service({ name: 'seven', port: 7 })], api), { message: 'broken' })
  t.deepEqual(balanced(datapath), ['mail', 'web'])
  t.regex(logged.at(-1) ?? '', /could not be taken back/)
  await controller.put([service({ name: 'eight', port: 8 })], api)
  t.deepEqual(balanced(datapath), ['eight', 'web'])
})

test('failure: when the state cannot be written nothing changes', async (t) => {
  const { start, stateDirectory } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  await writeFile(stateDirectory, 'a file where the directory should be')
  await t.throwsAsync(controller.put([mail], api), {
    message: /^nothing was changed, because the state cannot be written/,
  })
  t.deepEqual(balanced(datapath), ['web'])
})

test('failure: when the state cannot be put in place the datapath is taken back', async (t) => {
  const { start, stateDirectory } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  await mkdir(join(stateDirectory, 'api.json', 'in the way'), { recursive: true })
  await t.throwsAsync(controller.put([mail], api))
  t.deepEqual(balanced(datapath), ['web'])
  t.deepEqual(names(controller.services()), ['web'])
})

test('state: a file that cannot be read stops the start, names itself and says what to do', async (t) => {
  const { start, stateDirectory } = await world(t, yaml([web]))
  const file = join(stateDirectory, 'api.json')
  await mkdir(stateDirectory)
  const broken: readonly (readonly [string, RegExp])[] = [
    ['', /JSON/],
    ['{"version":1,"services":[', /JSON/],
    ['[]', /it holds no object/],
    ['{"version":2,"services":[],"overrides":[]}', /has version 2, and this program reads version 1/],
    ['{"version":1,"services":[{}],"overrides":[]}', /its list of services is broken/],
    [
      '{"version":1,"services":[{"service":{"vip":"x"},"annotations":{}}],"overrides":[]}',
      /services\[0\]\.vip: must be/,
    ],
    ['{"version":1,"services":[],"overrides":[{"service":"x"}]}', /its list of overrides is broken/],
    ['{"version":1,"services":[],"overrides":[],"sessions":[{"name":"a"}]}', /sessions\[0\]\.uplink: is missing/],
  ]
  for (const [text, why] of broken) {
    await writeFile(file, text)
    const error = await t.throwsAsync(start(), { instanceOf: ConfigErrors, message: why }, text)
    t.true(error?.message.startsWith(`${file}: the services and sessions that the API made cannot be read`))
    t.regex(error?.message ?? '', /Restore the file from a backup, or move it away/)
  }
})

test('state: what a crash left half-written is overwritten', async (t) => {
  const { start, stateDirectory } = await world(t, yaml([]))
  await mkdir(stateDirectory)
  await writeFile(join(stateDirectory, 'api.json.tmp'), '{"version":1,"serv')
  const { controller } = await start()
  await controller.put([web], api)
  t.deepEqual(names((await start()).controller.services()), ['web'])
})

const n3 = service({ name: 'n3', address: '10.99.0.1', port: 2152, protocol: 'udp', select: 'n3' })
const n4 = n4Service({ address: '10.99.0.1', endpoints: [endpoint('10.0.0.1', { port: 8805 })] })

test('references: the API is refused what names no service, and removal of one that is named, by name', async (t) => {
  const { start } = await world(t, yaml([web]))
  const { controller, datapath } = await start()
  const refused = async (work: Promise<unknown>): Promise<string | undefined> =>
    (await t.throwsAsync(work, { instanceOf: ConflictError }))?.message
  const applied = datapath.applies.length
  t.regex(
    (await refused(controller.put([n4], api))) ?? '',
    /^service n4 .*of the API: n4\.tunnels is n3, which is no se/,
  )
  t.regex((await refused(controller.put([n4], { ...api, dryRun: true }))) ?? '', /which is no service/)
  t.is(datapath.applies.length, applied)
  await controller.put([n4, n3], api)
  const gone = /^service n4 .*of the API: n4\.tunnels is n3, which would be gone: /
  t.regex((await refused(controller.remove([serviceKey(n3)], api))) ?? '', gone)
  t.regex((await refused(controller.put([{ ...n3, name: 'n5' }], api))) ?? '', gone)
  t.regex((await refused(controller.put([{ ...n3, select: 'hash' }], api))) ?? '', /a service without select n3/)
  t.deepEqual(balanced(datapath), ['n3', 'n4', 'web'])
  await controller.remove([serviceKey(n3), serviceKey(n4)], api)
  t.deepEqual(balanced(datapath), ['web'])
})

test('references: a service of the API may name one of the file, which then cannot leave it', async (t) => {
  const { configFile, start } = await world(t, yaml([web, n3]))
  const { controller, datapath } = await start()
  await controller.put([n4], api)
  await writeFile(configFile, yaml([web]))
  const error = await t.throwsAsync(controller.reload(), { instanceOf: ConflictError })
  t.regex(error?.message ?? '', /^service n4 .*of the API: n4\.tunnels is n3, which would be gone: /)
  t.deepEqual(balanced(datapath), ['n3', 'n4', 'web'])
  await writeFile(configFile, yaml([web, { ...n4, name: 'n4-too', address: '10.99.0.2' }]))
  await t.throwsAsync(controller.reload(), { instanceOf: ConfigErrors, message: /services\[1\]\.n4\.tunnels: is n3/ })
})
