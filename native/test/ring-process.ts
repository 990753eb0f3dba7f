// A process of its own for ring.test.ts: a callback throws, the process hears of it, and then ends by itself.

import { native } from '../load.ts'

const object = native.objectOpen(process.argv[2] ?? '')
native.objectLoad(object)
const map = native.objectMaps(object).find(({ name }) => name === 'events')
const program = native.objectPrograms(object).find(({ name }) => name === 'emit')
const timer = setTimeout(() => console.log('the ring was never read'), 10_000)

process.on('uncaughtException', (error) => {
  console.log(`caught: ${error.message}`)
  clearTimeout(timer)
})

native.ringOpen(map?.fd ?? -1, new Uint8Array(1024), () => {
  throw new Error('from the callback')
})
native.testRun(program?.fd ?? -1, { data: new Uint8Array(64).fill(1) })
