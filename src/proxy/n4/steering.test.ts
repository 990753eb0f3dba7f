import test from 'ava'
import { pfcp } from '../../protocols/pfcp/index.ts'
import { addressBytes } from '../../wire/ip.ts'
import { N4Proxy } from './n4-proxy.ts'
import { upfOf, optionsOf, readyBed } from './test-bed.ts'
import {
  n3Vip,
  ipv4,
  number32,
  bytes,
  of,
  groupOf,
  fTeidOf,
  chooseOf,
  ueAddressOf,
  far,
  pdrOf,
  valueAt,
  elementsOf,
  causeOf,
  fTeidsOf,
  sessionOf,
  pdrIdOf,
  messageOf,
} from './test-elements.ts'
import type { PfcpElement, PfcpMessage } from '../../protocols/pfcp/index.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]

test('n4: hints are installed before the answer leaves (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  smf.establish(...sessionOf('10.45.0.1'))
  t.is(bed.sent.find(({ message }) => message.type === 51)?.changes, 2)
  t.deepEqual(bed.tunnel(1), { upf: '10.0.0.1', teid: 1 })
  t.like(bed.hints.get('ue-ip 0a2d0001/'), { upfs: ['10.0.0.1'] })
})

test('n4: a TEID that another UPF has already becomes another one at the VIP (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  bed.upf('10.0.0.2').nextTeid = 1
  smf.establish(...sessionOf('10.45.0.1'))
  const [other] = fTeidsOf(smf.establish(...sessionOf('10.45.0.2')).response!)
  t.not(other?.teid, 1)
  t.deepEqual(bed.tunnel(1), { upf: '10.0.0.1', teid: 1 })
  t.deepEqual(bed.tunnel(other!.teid), { upf: '10.0.0.2', teid: 1 })
  t.is(bed.count('tunnel-renumbered'), 1)
})

test('n4: tunnels that an SMF names are learnt from its request, and refused where they collide (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  const given = (teid: number): readonly PfcpElement[] => [
    pdrOf(1, fTeidOf(teid, n3Vip)),
    pdrOf(2, fTeidOf(teid, n3Vip)),
    far,
  ]
  t.is(causeOf(smf.establish(...given(0x500)).response!), 1)
  t.deepEqual(bed.tunnel(0x500), { upf: '10.0.0.1', teid: 0x500 })
  const asked = elementsOf(bed.upf('10.0.0.1').got.at(-1)!)
  t.deepEqual(valueAt(asked, 1, 2, 21), bytes(1, 0, 0, 5, 0, ...ipv4('10.0.0.1')))
  const refused = smf.establish(...given(0x500)).response!
  t.is(causeOf(refused), 73)
  t.deepEqual(valueAt(elementsOf(refused), 114), bytes(0, 0, 1))
  t.is(bed.count('tunnel-conflict'), 1)
  t.is(bed.proxy.status().sessions, 1)
  t.is(bed.proxy.status().tunnels, 1)
})

test('n4: tunnels come and go with modifications, Traffic Endpoints and deletion (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  const endpoint = groupOf(127, of(131, 9), chooseOf(), ueAddressOf('10.45.0.1'))
  const { response, seid } = smf.establish(endpoint, pdrOf(1, of(131, 9)), far)
  t.deepEqual(fTeidsOf(response!), [{ teid: 1, address: n3Vip }])
  t.is(bed.hints.size, 2)
  smf.ask(52, seid, pdrOf(2, chooseOf()))
  t.deepEqual(bed.tunnel(2), { upf: '10.0.0.1', teid: 2 })
  // Another F-TEID for a rule: the new one first, then the old one goes, after a while for end markers.
  const update = groupOf(9, pdrIdOf(2), groupOf(2, of(20, 0), chooseOf()))
  t.deepEqual(fTeidsOf(smf.ask(52, seid, update)!), [{ teid: 3, address: n3Vip }])
  t.deepEqual(
    bed.changes.slice(-2).map(({ action, graceMs }) => [action, graceMs]),
    [
      ['install', 0],
      ['remove', 2000],
    ],
  )
  smf.ask(52, seid, groupOf(15, pdrIdOf(2)))
  t.is(bed.tunnel(3), null)
  smf.ask(52, seid, groupOf(130, of(131, 9)))
  t.is(bed.hints.size, 0)
  smf.ask(52, seid, pdrOf(3, chooseOf()))
  t.is(causeOf(smf.ask(54, seid)!), 1)
  t.is(bed.hints.size, 0)
  t.is(bed.proxy.status().tunnels, 0)
})

const six = Buffer.from('20010db8000000000000000000000001', 'hex')

test('n4: tunnels of either family of a UPF are shown at the addresses that the VIP has (N4.19)', (t) => {
  const cases: readonly (readonly [PfcpElement, readonly string[]])[] = [
    [of(21, 3, 0, 0, 0, 7, ...ipv4('10.0.0.1'), ...six), ['10.0.0.1', '2001:db8::1']],
    [of(21, 2, 0, 0, 0, 7, ...six), ['2001:db8::1']],
  ]
  for (const [fTeid, upfs] of cases) {
    const { bed, smf } = readyBed(pool)
    const a = bed.upf('10.0.0.1')
    const answer = a.answer.bind(a)
    a.answer = (message) => {
      if (message.type !== 50) return answer(message)
      const [made] = answer(message)
      const elements = elementsOf(made!).map((element) =>
        element.type === 8 ? groupOf(8, pdrIdOf(1), fTeid) : element,
      )
      return [messageOf(51, made!.seid, message.sequence, elements)]
    }
    const { response } = smf.establish(...sessionOf('10.45.0.1'))
    t.deepEqual(valueAt(elementsOf(response!), 8, 21), bytes(1, 0, 0, 0, 7, ...ipv4(n3Vip)))
    t.deepEqual(
      bed.changes.filter(({ kind }) => kind === 'teid').map((change) => change.upfs),
      [upfs],
    )
  }
})

test('n4: over IPv6 alone all is as over IPv4', (t) => {
  const [address, n3, upf, smf] = ['2001:db8::a', '2001:db8::b', '2001:db8::c', '2001:db8::d'] as const
  const proxy = new N4Proxy({
    ...optionsOf([upfOf('a', upf)]),
    address: { ipv4: null, ipv6: address },
    nodeId: address,
    n3: { ipv4: null, ipv6: n3 },
  })
  const bytesOf = (text: string): Uint8Array => addressBytes(text)
  const node = (text: string): PfcpElement => of(60, 1, ...bytesOf(text))
  const recovery = { type: 96, value: number32.write(1) }
  const place = (text: string) => ({ address: text, port: 8805 })
  const receive = (from: string, message: PfcpMessage) => proxy.receive(place(from), pfcp.encode(message), 100)
  const asked = pfcp.decode(proxy.tick(100).send[0]!.bytes)
  receive(upf, messageOf(6, null, asked.sequence, [node(upf), of(19, 1), recovery, of(43, 16, 1)]))
  receive(smf, messageOf(5, null, 1, [node(smf), recovery]))
  const fSeid = (seid: number, text: string): PfcpElement => of(57, 1, 0, 0, 0, 0, 0, 0, 0, seid, ...bytesOf(text))
  const [out] = receive(smf, messageOf(50, 0n, 2, [node(smf), fSeid(7, smf), ...sessionOf('10.45.0.1')])).send
  t.is(out?.to.address, upf)
  const request = pfcp.decode(out!.bytes)
  t.deepEqual(valueAt(elementsOf(request), 57)!.slice(9), bytesOf(address))
  const fTeid = of(21, 2, 0, 0, 0, 9, ...bytesOf(upf))
  const answer = [node(upf), of(19, 1), fSeid(3, upf), groupOf(8, pdrIdOf(1), fTeid)]
  const { hints, send } = receive(upf, messageOf(51, 1n, request.sequence, answer))
  t.deepEqual(valueAt(elementsOf(pfcp.decode(send[0]!.bytes)), 8, 21), bytes(2, 0, 0, 0, 9, ...bytesOf(n3)))
  t.deepEqual(send[0]?.to, place(smf))
  t.deepEqual(
    hints.map((hint) => hint.upfs),
    [[upf], [upf]],
  )
})

test('n4: prefixes and framed routes of a UE lead to its UPF (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  const prefix = of(93, 5, ...Buffer.from('20010db8000000010000000000000001', 'hex'))
  const routes = [
    { type: 153, value: Buffer.from('172.16.5.0/24 0.0.0.0 1') },
    { type: 155, value: Buffer.from('2001:db8:9::/56') },
  ]
  smf.establish(pdrOf(1, chooseOf(), prefix, ...routes), far)
  t.deepEqual([...bed.hints.keys()].toSorted(), [
    'teid 00000001/',
    'ue-ip 20010db8000000010000000000000000/64',
    'ue-ip 20010db8000900000000000000000000/56',
    'ue-ip ac100500/24',
  ])
})

test('n4: an address of a UE that another UPF has is refused when its session may not go there', (t) => {
  const dnn = (name: string): PfcpElement => of(159, name.length, ...Buffer.from(name))
  const { bed, smf } = readyBed([upfOf('a', '10.0.0.1', { dnns: ['x'] }), upfOf('b', '10.0.0.2', { dnns: ['y'] })])
  smf.establish(...sessionOf('10.45.0.1'), dnn('x'))
  t.is(causeOf(smf.establish(...sessionOf('10.45.0.1'), dnn('y')).response!), 73)
  t.is(bed.count('ue-address-conflict'), 1)
  t.like(bed.hints.get('ue-ip 0a2d0001/'), { upfs: ['10.0.0.1'] })
})

test('n4: rules with one CHOOSE ID share a tunnel, which counts once and lasts as long as either (N4.20)', (t) => {
  for (const tellsOnce of [false, true]) {
    const { bed, smf } = readyBed(pool)
    bed.upf('10.0.0.1').tellsOnce = tellsOnce
    const { seid } = smf.establish(pdrOf(1, chooseOf(4)), pdrOf(2, chooseOf(4)), far)
    t.is(bed.changes.length, 1)
    t.is(bed.proxy.status().tunnels, 1)
    smf.ask(52, seid, groupOf(15, pdrIdOf(1)))
    t.deepEqual(bed.tunnel(1), { upf: '10.0.0.1', teid: 1 })
    smf.ask(52, seid, groupOf(15, pdrIdOf(2)))
    t.is(bed.tunnel(1), null)
  }
})

test('n4: a TEID in its time of grace goes to nobody but its own UPF', (t) => {
  const { bed, smf } = readyBed(pool)
  const [a, b] = [bed.upf('10.0.0.1'), bed.upf('10.0.0.2')]
  smf.ask(54, smf.establish(...sessionOf('10.45.0.1')).seid)
  b.nextTeid = 1
  bed.configure([upfOf('a', '10.0.0.1', { drained: true }), pool[1]!])
  t.not(fTeidsOf(smf.establish(...sessionOf('10.45.0.2')).response!)[0]?.teid, 1)
  a.nextTeid = 1
  bed.configure(pool)
  t.deepEqual(fTeidsOf(smf.establish(...sessionOf('10.45.0.3')).response!), [{ teid: 1, address: n3Vip }])
  t.deepEqual(bed.tunnel(1), { upf: '10.0.0.1', teid: 1 })
})

/** A rule about packets that come from the side of the data network. */
const corePdr = (id: number, ...detects: readonly PfcpElement[]): PfcpElement =>
  groupOf(1, pdrIdOf(id), groupOf(2, of(20, 1), ...detects))

test('n4: what comes by a tunnel is from the user, or for it where its rule is about the core side (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  const endpoint = groupOf(127, of(131, 9), chooseOf())
  const { seid } = smf.establish(endpoint, pdrOf(1, chooseOf()), corePdr(2, chooseOf()), corePdr(3, of(131, 9)), far)
  const directions = (): readonly string[] =>
    bed.proxy.sessions(1).flatMap(({ tunnels }) => tunnels.map(({ direction, teid }) => `${Number(teid)} ${direction}`))
  t.deepEqual(directions().toSorted(), ['1 down', '2 up', '3 down'])
  t.deepEqual(bed.proxy.sessions(1)[0]?.keys.down.toSorted(), [1, 3])
  t.deepEqual(bed.proxy.sessions(1)[0]?.keys.up, [2])
  // What a change does not say stays.
  smf.ask(52, seid, groupOf(9, pdrIdOf(2), { type: 29, value: number32.write(5) }))
  t.deepEqual(directions().toSorted(), ['1 down', '2 up', '3 down'])
})
