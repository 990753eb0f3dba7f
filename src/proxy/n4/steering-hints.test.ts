import test from 'ava'
import { readyBed, upfOf } from './test-bed.ts'
import { chooseOf, elementsOf, far, groupOf, ipv4, messageOf, of, pdrIdOf, pdrOf, sessionOf } from './test-elements.ts'
import type { Upf } from './model.ts'

const six = '2001:db8::1'
const sixBytes = Buffer.from('20010db8000000000000000000000001', 'hex')
const poolOf = (more: Partial<Upf> = {}): readonly Upf[] => [upfOf('a', '10.0.0.1', more)]

test('n4: a tunnel goes from where it was, also when its UPF takes packets elsewhere by now (N4.19)', (t) => {
  const { bed, smf } = readyBed(poolOf())
  const { seid } = smf.establish(...sessionOf('10.45.0.1'), pdrOf(2, chooseOf()))
  t.deepEqual(bed.tunnel(1), { upf: '10.0.0.1', teid: 1 })
  bed.configure(poolOf({ userPlane: ['10.9.0.1'] }))
  bed.changes.length = 0
  // Of a rule, with grace for end markers.
  smf.ask(52, seid, groupOf(15, pdrIdOf(1)))
  t.like(
    bed.changes.find(({ kind }) => kind === 'teid'),
    { action: 'remove', upfs: ['10.0.0.1'], graceMs: 2000 },
  )
  t.is(bed.tunnel(1), null)
  // Of a UPF that is lost.
  bed.upf('10.0.0.1').recovery++
  bed.advance(6000)
  t.like(bed.changes.at(-1), { action: 'remove', kind: 'teid', upfs: ['10.0.0.1'] })
  t.is(bed.hints.size, 0)
})

test('n4: a tunnel at addresses of both families goes from both, whichever its UPF has left (N4.19)', (t) => {
  const { bed, smf } = readyBed(poolOf())
  const upf = bed.upf('10.0.0.1')
  const answer = upf.answer.bind(upf)
  upf.answer = (message) => {
    const [made, ...more] = answer(message)
    if (message.type !== 50 || made === undefined) return made === undefined ? [] : [made, ...more]
    const fTeid = of(21, 3, 0, 0, 0, 7, ...ipv4('10.0.0.1'), ...sixBytes)
    const elements = elementsOf(made).map((one) => (one.type === 8 ? groupOf(8, pdrIdOf(1), fTeid) : one))
    return [messageOf(51, made.seid, message.sequence, elements)]
  }
  const { seid } = smf.establish(pdrOf(1, chooseOf()), far)
  t.like(bed.changes.at(-1), { action: 'install', upfs: ['10.0.0.1', six] })
  bed.configure(poolOf({ userPlane: [six] }))
  smf.ask(54, seid)
  t.like(bed.changes.at(-1), { action: 'remove', upfs: ['10.0.0.1', six] })
})

test('n4: what is said again of a tunnel names the addresses that its UPF has now alone (N4.19)', (t) => {
  const { bed, smf } = readyBed(poolOf())
  smf.establish(pdrOf(1, chooseOf()), far)
  const again = () => bed.proxy.steerAgain(new Set(['10.0.0.1'])).hints.map(({ upfs }) => upfs)
  t.deepEqual(again(), [['10.0.0.1']])
  bed.configure(poolOf({ userPlane: ['10.9.0.1'] }))
  t.deepEqual(again(), [])
  t.deepEqual([...bed.proxy.installed()], [])
})
