import test from 'ava'
import { isOfSeries, newest } from './packages.ts'
import { commandLine } from './qemu.ts'

test('vm: the newest kernel of a series is the one with the highest numbers', (t) => {
  const names = [
    'linux-image-6.1.0-9-cloud-amd64',
    'linux-image-6.1.0-56-cloud-amd64',
    'linux-image-6.1.0-47-cloud-amd64',
  ]
  t.is(newest(names), 'linux-image-6.1.0-56-cloud-amd64')
  t.is(newest([]), null)
})

test('vm: kernels of another kind or series, and packages that only name or debug one, are left out', (t) => {
  t.true(isOfSeries('linux-image-6.1.0-56-cloud-amd64', '6.1'))
  t.true(isOfSeries('linux-image-6.12.117+deb12-cloud-amd64', '6.12'))
  for (const name of [
    'linux-image-6.1.0-56-cloud-amd64-unsigned',
    'linux-image-6.1.0-56-cloud-amd64-dbg',
    'linux-image-6.1.0-56-amd64',
    'linux-image-6.12.117+deb12-cloud-amd64',
    'linux-image-6.1-cloud-amd64',
  ])
    t.false(isOfSeries(name, '6.1'), name)
})

test('vm: an emulated machine runs its processors one at a time', (t) => {
  const machine = { kernel: 'k', initramfs: 'i', consoleFile: 'c', memoryMiB: 4096, cpus: 2 }
  t.true(commandLine({ ...machine, accelerator: 'tcg' }).includes('tcg,thread=single'))
  t.false(commandLine({ ...machine, accelerator: 'kvm' }).some((word) => word.includes('thread')))
})
