// Programs attached to a veth pair: XDP links, tcx links and the classic filter at clsact. Five frames are sent at each
// stage, and what arrives says which program is there.

import { compile, testWithObjects } from './test/objects.ts'
import { inNamespace } from './test/namespace.ts'

const objectPath = compile('addon')

testWithObjects(['netns', 'xdp'], 'native: an XDP link attaches, is updated in place, and detaches', async (t) => {
  const { stages, right, program, there, busy, gone } = await inNamespace(t, 'xdp', objectPath)
  t.deepEqual(stages, {
    before: 5,
    'native drop': 0,
    'native updated to pass': 5,
    'native updated to drop': 0,
    'native detached': 5,
    'generic drop': 0,
    'generic updated to pass': 5,
    'generic updated to drop': 0,
    'generic detached': 5,
  })
  t.like(there, { type: 6, ifindex: right, programId: program })
  t.true(there.id > 0)
  t.is(busy, `Error: bpf_link_create(xdp) ifindex ${right}: Device or resource busy (EBUSY)`)
  t.like(gone, { id: there.id, ifindex: 0 })
})

testWithObjects(['netns'], 'native: a tcx link attaches in both directions', async (t) => {
  const { stages, right, info, wrongType } = await inNamespace(t, 'tcx', objectPath)
  t.deepEqual(stages, {
    'ingress shoot': 0,
    'ingress updated to accept': 5,
    'ingress detached': 5,
    'egress shoot': 0,
    'egress updated to accept': 5,
    'egress detached': 5,
  })
  t.like(info, { type: 11, ifindex: right })
  t.regex(wrongType, /bpf_link_create\(tcx\) ifindex \d+: Invalid argument \(EINVAL\)/)
})

testWithObjects(['netns'], 'native: a clsact filter is replaced in place and outlives its object', async (t) => {
  const { stages, again } = await inNamespace(t, 'clsact', objectPath)
  t.deepEqual(stages, { shoot: 0, 'replaced by accept': 5, 'shoot, object closed': 0, detached: 5 })
  t.regex(again, /bpf_tc_detach ifindex \d+: .*\(ENOENT\)/)
})
