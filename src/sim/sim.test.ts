// A simulated SMF against simulated UPFs, over a network without a kernel, and once over the kernel's.

import test from 'ava'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pfcp } from '../protocols/pfcp/index.ts'
import { classicCapture } from '../testing/capture.ts'
import { testWith } from '../testing/needs.ts'
import { buildFrame } from '../testing/packets.ts'
import { SimNetwork } from '../testing/sim-network.ts'
import { framesOf } from '../../test/oracle/tshark.ts'
import { tunnelChoices } from './choices.ts'
import { smfDefaults, upfDefaults } from './defaults.ts'
import { encodeMessage, message, pfcpPort } from './pfcp.ts'
import { teidOf } from './gtpu.ts'
import { markOf, nameUpf } from './user-packet.ts'
import { openSimSmf, openSimUpf } from './open.ts'
import { SimSmf } from './sim-smf.ts'
import { SimUpf } from './sim-upf.ts'
import type { SmfOptions } from './sim-smf.ts'
import type { UpfOptions } from './sim-upf.ts'

const pace = { perSecond: Infinity, concurrency: 32 }
const at = { smf: '10.0.0.1', upf: '10.0.0.2', gnbs: ['10.0.0.3', '10.0.0.4'] } as const

const pair = (smfOptions: Partial<SmfOptions> = {}, upfOptions: Partial<UpfOptions> = {}) => {
  const network = new SimNetwork()
  const upf = new SimUpf({ ...upfDefaults, address: at.upf, number: 2, ...upfOptions }, network.surroundings)
  const smf = new SimSmf(
    { ...smfDefaults, address: at.smf, peer: at.upf, gnbs: at.gnbs, ...smfOptions },
    network.surroundings,
  )
  return { network, smf, upf }
}

const problemsOf = (smf: SimSmf): readonly string[] => smf.report().problems.map(({ what }) => what)

test('sim: 1,000 sessions come and go, each with its packets at its UPF and back at its gNB', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  t.is(await network.until(smf.establish(1000, pace)), 1000)
  smf.send(10_000)
  await network.pass(300)
  smf.send(0)
  await network.pass(1)
  const { problems, sessions, traffic, tunnelsAt } = smf.report()
  t.deepEqual(problems, [])
  t.is(sessions.up, 1000)
  t.deepEqual(tunnelsAt, { [at.upf]: 1000 })
  t.true(traffic.sent >= 2000, `${traffic.sent} packets`)
  t.like(traffic, { answered: traffic.sent, byUpf: { 2: traffic.sent }, crossed: 0, moved: 0, unknownTeid: 0 })
  t.like(upf.state(), { sessions: 1000, tunnels: 1000, established: 1000 })
  t.like(upf.state().userPlane, { packets: traffic.sent, unknownTeid: 0, wrongUe: 0, looped: traffic.sent })
  t.true(upf.tunnels().every(({ packets }) => packets >= 2))
  await network.until(smf.remove(pace))
  await network.until(smf.release())
  t.like(upf.state(), { sessions: 0, tunnels: 0, deleted: 1000, associations: [] })
  t.deepEqual(problemsOf(smf), [])
})

for (const tunnel of tunnelChoices) {
  for (const family of [4, 6] as const) {
    test(`sim: tunnels by ${tunnel}, UEs with addresses of IPv${family} that the UPF chooses`, async (t) => {
      const address = family === 4 ? at : { smf: '2001:db8::1', upf: '2001:db8::2', gnbs: ['2001:db8::3'] }
      const { network, smf, upf } = pair(
        {
          address: address.smf,
          peer: address.upf,
          gnbs: address.gnbs,
          tunnel,
          n3: address.upf,
          uePrefix: null,
          ueFamily: family,
        },
        { address: address.upf, uePrefix: family === 4 ? '10.9.0.0/24' : '2001:db8:9::/48' },
      )
      await network.until(smf.associate())
      await network.until(smf.establish(20, pace))
      smf.send(1000)
      await network.pass(50)
      smf.send(0)
      await network.settle()
      const { problems, sessions, traffic } = smf.report()
      t.deepEqual(problems, [])
      t.is(sessions.up, 20)
      t.is(upf.state().tunnels, 20)
      t.true(traffic.sent > 20)
      t.like(upf.state().userPlane, { packets: traffic.sent, wrongUe: 0 })
      t.is(traffic.answered, traffic.sent)
    })
  }
}

test('sim: a hand-over moves the downlink to the next gNB and ends the old tunnel with an end marker', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  const before = network.sent.length
  await network.until(smf.modify(pace))
  smf.send(1000)
  await network.pass(20)
  const downlink = network.sent.slice(before).filter(({ from, to }) => from.address === at.upf && to.port === 2152)
  t.is(downlink.filter(({ bytes }) => bytes[1] === 254).length, 10)
  t.deepEqual(problemsOf(smf), [])
  t.like(smf.report().traffic, { endMarkers: 10, behind: 0, unknownTeid: 0 })
  t.is(upf.state().modified, 10)
})

test('sim: TEIDs keep to the range that the UPF has announced', async (t) => {
  const { network, smf, upf } = pair({}, { teidRange: { value: 0xc0, bits: 2 }, firstTeid: 2 ** 30 - 3 })
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  t.true(upf.tunnels().every(({ teid }) => teid >>> 30 === 3))
  t.is(upf.state().tunnels, 10)
})

test('sim: two UPFs with the same first TEID give out the same ones', async (t) => {
  const network = new SimNetwork()
  for (const [number, address] of ['10.0.0.2', '10.0.0.5'].entries()) {
    const upf = new SimUpf({ ...upfDefaults, address, number: number + 1 }, network.surroundings)
    const own = { address: `10.0.1.${number}`, peer: address, gnbs: [`10.0.2.${number}`] }
    const smf = new SimSmf({ ...smfDefaults, ...own }, network.surroundings)
    await network.until(smf.associate())
    await network.until(smf.establish(2, pace))
    t.deepEqual(
      upf.tunnels().map(({ teid }) => teid),
      [1, 2],
    )
  }
})

test('sim: a request that comes again is answered as before, and makes no second session (N4.8)', async (t) => {
  const { network, smf, upf } = pair()
  let lost = 0
  network.change = (datagram) => {
    if (datagram.bytes[1] !== message.sessionEstablishmentRequest + 1 || ++lost > 5) return datagram
    return null
  }
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  t.like(smf.report(), { sessions: { up: 10, failed: 0 }, pfcp: { retransmitted: 5 }, problems: [] })
  t.like(upf.state(), { sessions: 10, established: 10, pfcp: { repeated: 5 } })
})

test('sim: a sequence number that comes with another request is a new request', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  const from = { address: '10.0.0.9', port: pfcpPort }
  for (const seid of [7n, 8n])
    network.inject(
      from,
      { address: at.upf, port: pfcpPort },
      encodeMessage({ type: message.sessionDeletionRequest, seid, elements: [] }, 1),
    )
  await network.settle()
  t.deepEqual(upf.state().refused, { 65: 2 })
})

test('sim: answers that come twice are counted and change nothing', async (t) => {
  const { network, smf } = pair({}, { behaviour: { manner: { kind: 'twice' }, share: 1 } })
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  await network.settle()
  t.like(smf.report(), { sessions: { up: 10, failed: 0 }, pfcp: { unasked: 10 }, problems: [] })
})

test('sim: late answers are waited for, and requests repeated meanwhile', async (t) => {
  const { network, smf, upf } = pair({}, { behaviour: { manner: { kind: 'late', delayMs: 1500 }, share: 1 } })
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  await network.pass(1500)
  t.like(smf.report(), { sessions: { up: 10, failed: 0 }, pfcp: { retransmitted: 10, unasked: 10 }, problems: [] })
  t.is(upf.state().established, 10)
})

test('sim: answers that never come are problems after the last try', async (t) => {
  const { network, smf } = pair({}, { behaviour: { manner: { kind: 'never' }, share: 1 } })
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  t.deepEqual(problemsOf(smf), ['Session Establishment: no answer'])
  t.like(smf.report(), { sessions: { up: 0, failed: 10 }, pfcp: { retransmitted: 30, unanswered: 10 } })
})

test('sim: only the share that is said misbehaves', async (t) => {
  const chances = [0.1, 0.9]
  let turn = 0
  const random = (): number => chances[turn++ % 2]!
  const { network, smf } = pair({}, { behaviour: { manner: { kind: 'twice' }, share: 0.5 }, random })
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  await network.settle()
  t.is(smf.report().pfcp.unasked, 5)
})

test('sim: a UPF without an association refuses sessions with cause 72, with one as it is told', async (t) => {
  const { network, smf, upf } = pair({}, { refuse: 75 })
  await network.until(smf.establish(1, pace))
  await network.until(smf.associate())
  await network.until(smf.establish(1, pace))
  t.deepEqual(problemsOf(smf), [
    'Session Establishment: refused with cause 72',
    'Session Establishment: refused with cause 75',
  ])
  t.deepEqual(upf.state().refused, { 72: 1, 75: 1 })
})

test('sim: an SMF that cannot reach its peer says so', async (t) => {
  const { network, smf } = pair({ peer: '10.0.0.99' })
  await t.throwsAsync(network.until(smf.associate()), { message: 'no association with 10.0.0.99: no answer' })
})

test('sim: a UPF that starts again is noticed, and no longer knows sessions and tunnels (N4.11)', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  await network.until(smf.establish(4, pace))
  upf.restart()
  smf.send(100)
  await network.pass(smfDefaults.heartbeatMs + 10)
  smf.send(0)
  await network.until(smf.modify(pace))
  t.is(smf.report().peerRestarts, 1)
  t.deepEqual(problemsOf(smf), ['Session Modification: wrong SEID', 'Session Modification: refused with cause 65'])
  const { errorIndications, sent } = smf.report().traffic
  t.true(sent > 0)
  t.is(errorIndications, sent)
  t.is(upf.state().userPlane.unknownTeid, sent)
})

test('sim: an SMF that starts again, or leaves, takes its sessions along (N4.14)', async (t) => {
  const { network, smf, upf } = pair()
  for (const end of [() => smf.associate(), () => smf.release()]) {
    await network.until(smf.associate())
    await network.until(smf.establish(4, pace))
    await network.until(end())
    t.like(upf.state(), { sessions: 0, tunnels: 0 })
  }
  t.is(upf.state().dropped, 8)
})

test('sim: session reports are answered, and a session that the UPF has deleted is gone', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  await network.until(smf.establish(10, pace))
  t.is(upf.report('downlink-data', 3), 3)
  t.is(upf.report('usage', 2), 2)
  t.is(upf.report('error-indication', 1), 1)
  t.is(upf.report('deleted', 4), 4)
  await network.settle()
  t.like(upf.state(), { sessions: 6, reports: { sent: 10, accepted: 10, failed: 0 } })
  t.like(smf.report(), {
    sessions: { up: 6, deletedByPeer: 4 },
    reports: { downlinkData: 3, usage: 2, errorIndication: 1, deleted: 4, unknownSession: 0 },
    problems: [],
  })
})

test('sim: a report about a session that the SMF does not know is refused with cause 65', async (t) => {
  const { network } = pair()
  const upf = { address: '10.0.0.9', port: pfcpPort }
  network.inject(
    upf,
    { address: at.smf, port: pfcpPort },
    encodeMessage({ type: message.sessionReportRequest, seid: 99n, elements: [] }, 5),
  )
  await network.settle()
  const answer = pfcp.decode(network.sent.at(-1)!.bytes)
  t.like(answer, { type: message.sessionReportRequest + 1, seid: 0n, sequence: 5 })
  t.like(pfcp.describe(answer).fields, { cause: '65 Session context not found' })
})

test('sim: a UPF may set up the association, and ask to be released from it (N4.15)', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(upf.associate(at.smf))
  t.deepEqual(upf.state().associations, [at.smf])
  upf.askRelease(20)
  await network.settle()
  t.is(smf.report().reports.releaseRequests, 1)
})

test('sim: both ends answer heartbeats of strangers with their own recovery time stamp (N4.2)', async (t) => {
  const { network } = pair()
  for (const address of [at.smf, at.upf]) {
    const heartbeat = encodeMessage({ type: message.heartbeatRequest, seid: null, elements: [] }, 77)
    network.inject({ address: '10.0.0.9', port: 4000 }, { address, port: pfcpPort }, heartbeat)
    await network.settle()
    const { bytes, from, to } = network.sent.at(-1)!
    t.is(from.address, address)
    t.like(to, { address: '10.0.0.9', port: 4000 })
    t.like(pfcp.decode(bytes), { type: message.heartbeatResponse, sequence: 77 })
  }
})

test('sim: how loaded a UPF is stands in its answers, with a number that grows (N4.16)', async (t) => {
  const { network, smf, upf } = pair({}, { load: 20 })
  await network.until(smf.associate())
  await network.until(smf.establish(1, pace))
  upf.setLoad(80)
  await network.until(smf.establish(1, pace))
  const told = network.sent.flatMap(({ bytes }) =>
    bytes[1] === 51 ? [pfcp.describe(pfcp.decode(bytes)).fields['loadControlInformation']] : [],
  )
  t.deepEqual(told, [
    { sequenceNumber: 1, metric: 20 },
    { sequenceNumber: 2, metric: 80 },
  ])
})

const wrongAnswers: readonly (readonly [string, (bytes: Uint8Array) => void, string])[] = [
  ['another SEID', (bytes) => (bytes[11]! ^= 1), 'wrong SEID'],
  // Cause, Node ID and F-SEID follow each other in our UPF's answers.
  ['another cause', (bytes) => (bytes[20] = 64), 'refused with cause 64'],
  ['another Node ID', (bytes) => (bytes[29] = 9), 'wrong Node ID'],
  ['another address of the F-SEID', (bytes) => (bytes[46] = 9), 'wrong address of the F-SEID'],
]
for (const [title, spoil, what] of wrongAnswers) {
  test(`sim: the SMF notices ${title}`, async (t) => {
    const { network, smf } = pair()
    await network.until(smf.associate())
    network.change = (datagram) => {
      if (datagram.bytes[1] === 51) spoil(datagram.bytes)
      return datagram
    }
    await network.until(smf.establish(1, pace))
    t.deepEqual(problemsOf(smf), [`Session Establishment: ${what}`])
  })
}

test('sim: the SMF notices tunnels at another address, and tunnels and sessions that it has already', async (t) => {
  const { network, smf, upf } = pair({ n3: '10.0.0.77' })
  await network.until(smf.associate())
  await network.until(smf.establish(1, pace))
  const first = network.sent.findLast(({ bytes }) => bytes[1] === 51)!
  network.change = (datagram) => {
    if (datagram.bytes[1] !== 51) return datagram
    // From its Node ID on as the first one; SEID and sequence number are its own.
    const bytes = datagram.bytes.slice()
    bytes.set(first.bytes.subarray(16), 16)
    return { ...datagram, bytes }
  }
  await network.until(smf.establish(1, pace))
  t.is(upf.state().sessions, 2)
  t.deepEqual(
    new Set(problemsOf(smf)),
    new Set([
      'Session Establishment: wrong address of the F-TEID',
      'Session Establishment: an F-SEID that another session has',
      'Session Establishment: an F-TEID that another session has',
    ]),
  )
})

test('sim: an answer from another address is no answer', async (t) => {
  const { network, smf } = pair({ tries: 1 })
  network.change = (datagram) =>
    datagram.from.address === at.upf ? { ...datagram, from: { address: '10.0.0.8', port: pfcpPort } } : datagram
  await t.throwsAsync(network.until(smf.associate()), { message: /no answer/ })
  t.is(smf.report().pfcp.unasked, 1)
})

test('sim: answers in the tunnel of another session are seen as crossed', async (t) => {
  const { network, smf } = pair({ gnbs: [at.gnbs[0]] })
  await network.until(smf.associate())
  await network.until(smf.establish(2, pace))
  network.change = (datagram) => {
    if (datagram.to.address === at.gnbs[0] && teidOf(datagram.bytes) === 2) datagram.bytes[7] = 1
    return datagram
  }
  smf.send(1000)
  await network.pass(11)
  const { answered, crossed, sent } = smf.report().traffic
  t.true(crossed > 0)
  t.is(answered + crossed, sent)
})

test('sim: a UPF drops packets that do not come from the UE of their tunnel', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  await network.until(smf.establish(2, pace))
  network.change = (datagram) => {
    if (datagram.to.address === at.upf && datagram.to.port === 2152) datagram.bytes[7] = 1
    return datagram
  }
  smf.send(1000)
  await network.pass(11)
  const { answered, sent } = smf.report().traffic
  const { packets, wrongUe } = upf.state().userPlane
  t.true(wrongUe > 0)
  t.is(packets + wrongUe, sent)
  t.is(answered, packets)
})

test('sim: a session whose packets another UPF answers has moved', async (t) => {
  const { network, smf } = pair()
  await network.until(smf.associate())
  await network.until(smf.establish(1, pace))
  smf.send(1000)
  await network.pass(11)
  t.is(smf.report().traffic.moved, 0)
  network.change = (datagram) => {
    const mark = datagram.from.address === at.upf ? markOf(datagram.bytes, 16) : -1
    if (mark >= 0) nameUpf(datagram.bytes, mark, 3)
    return datagram
  }
  await network.pass(10)
  const { byUpf, moved } = smf.report().traffic
  t.is(moved, 1)
  t.deepEqual(Object.keys(byUpf), ['2', '3'])
})

test('sim: what is malformed is counted and changes nothing', async (t) => {
  const { network, smf, upf } = pair()
  await network.until(smf.associate())
  const from = { address: '10.0.0.9', port: 4000 }
  for (const bytes of [new Uint8Array(), Uint8Array.of(0x20), Uint8Array.of(0x30, 255, 0, 99, 0, 0, 0, 0)]) {
    for (const address of [at.smf, at.upf]) network.inject(from, { address, port: pfcpPort }, bytes)
    for (const address of [at.gnbs[0], at.upf]) network.inject(from, { address, port: 2152 }, bytes)
  }
  await network.settle()
  t.is(smf.report().pfcp.malformed, 3)
  t.is(upf.state().pfcp.malformed, 3)
  t.true(smf.report().traffic.malformed >= 2)
  t.true(upf.state().userPlane.malformed >= 2)
})

test('sim: GTP-U echoes are answered with the number they came with, at gNBs and UPFs (N3.5)', async (t) => {
  const { network } = pair()
  for (const address of [at.gnbs[0], at.upf]) {
    const echo = Uint8Array.from(Buffer.from('3201000400000000abcd0000', 'hex'))
    network.inject({ address: '10.0.0.9', port: 4000 }, { address, port: 2152 }, echo)
    await network.settle()
    t.is(Buffer.from(network.sent.at(-1)!.bytes).toString('hex'), '3202000600000000abcd00000e00')
  }
})

test('sim: options that cannot stand together are refused', (t) => {
  t.throws(() => pair({ gnbs: [] }), { instanceOf: RangeError })
  t.throws(() => pair({ tunnel: 'smf' }), { instanceOf: RangeError })
  t.throws(() => pair({ uePrefix: '10.0.0.1/8' }), { instanceOf: RangeError })
  t.throws(() => pair({}, { number: 0 }), { instanceOf: RangeError })
})

testWith(['tshark'], 'sim: tshark reads all that both ends say', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sim-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const frames: Uint8Array[] = []
  for (const tunnel of tunnelChoices) {
    const { network, smf, upf } = pair({ tunnel, n3: at.upf, slice: '1-00000a', tries: 2 }, { load: 5 })
    await network.until(smf.associate())
    await network.until(smf.establish(5, pace))
    smf.send(1000)
    await network.pass(20)
    await network.until(smf.modify(pace))
    for (const kind of ['downlink-data', 'usage', 'error-indication', 'deleted'] as const) upf.report(kind, 1)
    upf.askRelease(10)
    upf.restart()
    await network.pass(20)
    await network.until(smf.remove(pace))
    await network.until(smf.release())
    for (const { bytes, from, to } of network.sent)
      frames.push(
        buildFrame({
          kind: 'udp',
          from: `${from.address}:${from.port}`,
          to: `${to.address}:${to.port}`,
          payload: bytes,
        }),
      )
  }
  const path = join(folder, 'sim.pcap')
  await writeFile(path, classicCapture(frames))
  let count = 0
  const faulty: string[] = []
  const seen = new Set<string>()
  for await (const { isFaulty, layers, number, row } of framesOf(path, ['pfcp.msg_type', 'gtp.message'], 'frame')) {
    count++
    for (const field of ['pfcp.msg_type', 'gtp.message'])
      for (const type of row.get(field) ?? []) seen.add(`${field} ${type}`)
    if (isFaulty || !(layers.includes('pfcp') || layers.includes('gtp'))) faulty.push(`${number} ${layers.join(':')}`)
  }
  t.deepEqual(faulty, [])
  t.is(count, frames.length)
  for (const type of [5, 6, 7, 8, 9, 10, 50, 51, 52, 53, 54, 55, 56, 57])
    t.true(seen.has(`pfcp.msg_type ${type}`), `${type}`)
})

test('sim: over the sockets of this machine 1,000 sessions have their packets', async (t) => {
  const upf = openSimUpf({ address: '127.83.0.2', number: 2 })
  t.teardown(() => upf.stop())
  const smf = openSimSmf({ address: '127.83.0.1', peer: '127.83.0.2', gnbs: ['127.83.0.3', '127.83.0.4'] })
  t.teardown(() => smf.stop())
  await smf.associate()
  await smf.establish(1000, { perSecond: 20_000, concurrency: 50 })
  smf.send(20_000)
  const answered = (): number => smf.report().traffic.answered
  while (answered() < 2000) await new Promise((resolve) => setTimeout(resolve, 10))
  smf.send(0)
  await smf.modify(pace)
  await smf.remove(pace)
  await smf.release()
  const { problems, sessions, traffic } = smf.report()
  t.deepEqual(problems, [])
  t.like(sessions, { established: 1000, modified: 1000, deleted: 1000, failed: 0 })
  t.like(traffic, { crossed: 0, moved: 0, endMarkers: 1000 })
  t.like(upf.state().userPlane, { unknownTeid: 0, wrongUe: 0 })
})
