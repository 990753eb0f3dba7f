import test from 'ava'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { complete, type LockFile } from './lock.ts'

test('lock: gives a platform package that the registry lacks an entry of its own', (t) => {
  const lock: LockFile = {
    packages: {
      '': {},
      'node_modules/tool': {
        version: '1.0.0',
        resolved: 'https://registry.example/tool.tgz',
        dev: true,
        optionalDependencies: { '@tool/linux-x64-gnu': '1.0.0', '@tool/linux-arm64-musl': '1.0.0' },
      },
      'node_modules/@tool/linux-x64-gnu': { version: '1.0.0', optional: true },
    },
  }
  const { packages } = complete(lock)
  t.deepEqual(packages['node_modules/@tool/linux-x64-gnu'], { version: '1.0.0', optional: true })
  t.deepEqual(packages['node_modules/@tool/linux-arm64-musl'], {
    version: '1.0.0',
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['musl'],
    dev: true,
    optional: true,
  })
  t.is(packages['node_modules/tool']?.resolved, undefined)
})

test('lock: package-lock.json is complete, or `node scripts/lock.ts` makes it so', (t) => {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8')) as LockFile
  t.deepEqual(complete(lock), lock)
})
