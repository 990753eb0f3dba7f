// What happens to open handles when their worker, or the process, ends. Each case is a process of its own: the failure
// that these tests look for is an abort.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compile, testWithObjects } from './test/objects.ts'

const objectPath = compile('addon')
const script = fileURLToPath(new URL('test/lifetime-process.ts', import.meta.url))

for (const [end, workers] of [
  ['return', 20],
  ['exit', 20],
  ['terminate', 20],
  ['close', 20],
  ['throw', 5],
] as const)
  testWithObjects([], `native: ${workers} workers that leave everything open end by ${end}, the process lives`, (t) => {
    const result = spawnSync(process.execPath, [script, objectPath, end, String(workers)], { encoding: 'utf8' })
    t.is(result.status, 0, `${result.signal ?? ''} ${result.stderr}`)
    t.is(result.stdout, `${workers} workers ended\n`)
  })

testWithObjects([], 'native: a process ends with everything open', (t) => {
  const result = spawnSync(process.execPath, [script, objectPath, 'main', '0'], { encoding: 'utf8' })
  t.is(result.status, 0, `${result.signal ?? ''} ${result.stderr}`)
})

testWithObjects([], 'native: handles that nobody holds are given back', (t) => {
  const result = spawnSync(process.execPath, ['--expose-gc', script, objectPath, 'collect', '0'], { encoding: 'utf8' })
  t.is(result.status, 0, `${result.signal ?? ''} ${result.stderr}`)
  t.is(result.stdout, 'no descriptor and no mapping is left\n')
})
