import test from 'ava'
import { bed, n3Of, n4Of, pace, upfs, vip } from '../testing/proxying-bed.ts'

const sessions = 64

test('n4: answers that come together get their hints in one step, before any of them leaves (N4.19)', async (t) => {
  const seen = { answers: 0, early: 0 }
  const { add, datapath, network, smf, upf } = bed((surroundings) => ({
    ...surroundings,
    open(place, longestBytes, receive) {
      const socket = surroundings.open(place, longestBytes, receive)
      return {
        counts: () => socket.counts(),
        close: () => socket.close(),
        send(bytes, to) {
          const isAnswer = place.address === vip && bytes[1] === 51
          if (isAnswer && datapath.hints.all.size < ++seen.answers) seen.early++
          socket.send(bytes, to)
        },
      }
    },
  }))
  for (const address of upfs) upf(address)
  await add(n3Of(), n4Of())
  await network.pass(200)
  const client = smf()
  await network.until(client.associate())
  await network.until(client.establish(sessions, pace))
  t.deepEqual(client.report().problems, [])
  t.deepEqual(seen, { answers: sessions, early: 0 })
  const sizes = datapath.hints.applies.map((changes) => changes.length)
  const sum = sizes.reduce((total, size) => total + size, 0)
  t.is(sum, sessions)
  t.true(Math.max(...sizes) > 1, `batches of ${sizes.join(' ')}`)
})
