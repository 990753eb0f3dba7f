// Every program of every object in build/, as the daemon loads it: does this kernel's verifier take it, and what does
// it cost to verify? The number is of the kernel that the tests run on; `npm run test:vm` asks an older one.

import test, { type ExecutionContext } from 'ava'
import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { native } from '../../native/load.ts'
import { testWith } from '../../src/testing/needs.ts'

const build = join(import.meta.dirname, '../../build')
const objects = globSync(join(build, '*.o')).toSorted()
const budget = 100_000

test('verify: there is an object for each hook', (t) => {
  const names = objects.map((path) => basename(path))
  for (const name of ['lb.xdp.o', 'lb.tc.o', 'lb.gc.o']) t.true(names.includes(name), name)
})

/** The largest map, made small: its size is nothing to the verifier. */
const smallFlows = 1024

function loadObject(t: ExecutionContext, path: string): ReturnType<typeof native.objectOpen> {
  const object = native.objectOpen(path)
  t.teardown(() => {
    native.objectClose(object)
  })
  const maps = native.objectMaps(object).map(({ name }) => name)
  if (maps.includes('flows')) native.objectSetMaxEntries(object, 'flows', smallFlows)
  native.objectLoad(object)
  return object
}

for (const path of objects) {
  testWith(
    ['root', 'bpf'],
    `verify: the verifier takes ${basename(path)}, and walks at most 100,000 instructions of each program`,
    (t) => {
      for (const { name, fd } of native.objectPrograms(loadObject(t, path))) {
        const { verifiedInstructions, translatedInstructions } = native.programInfo(fd)
        t.log(`${name}: ${verifiedInstructions} instructions verified, ${translatedInstructions} long`)
        t.true(verifiedInstructions > 0 && verifiedInstructions <= budget, `${name}: ${verifiedInstructions}`)
      }
    },
  )
}
