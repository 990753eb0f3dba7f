import test from 'ava'
import { apiSocket, isInstanceName, pinDirectory, runDirectory, stateDirectory } from './paths.ts'

test('paths: each instance has its own directories', (t) => {
  t.is(runDirectory('a', {}), '/run/sluice/a')
  t.is(stateDirectory('a', {}), '/var/lib/sluice/a')
  t.is(pinDirectory('a'), '/sys/fs/bpf/sluice/a')
  t.is(apiSocket('a', {}), '/run/sluice/a/api.sock')
})

test('paths: the environment moves what tests must not touch', (t) => {
  t.is(runDirectory('a', { SLUICE_RUN_DIR: '/tmp/r' }), '/tmp/r/a')
  t.is(stateDirectory('a', { SLUICE_STATE_DIR: '/tmp/s' }), '/tmp/s/a')
})

test('paths: a name that would leave its directory is refused', (t) => {
  for (const name of ['', '..', 'a/b', 'A', 'a b', 'x'.repeat(33)]) {
    t.false(isInstanceName(name), name)
    t.throws(() => runDirectory(name, {}), { message: /is not an instance name/ })
  }
  t.true(isInstanceName('x'.repeat(32)))
})
