// Examines the machine: can the datapath run here, and if not, what mends it? `sluice doctor` prints every finding;
// `sluice run` refuses to start while one is not ok. What is read of the machine comes through `Machine`.

import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readFile, statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export interface Finding {
  readonly ok: boolean
  /** what was looked at, such as `kernel` */
  readonly what: string
  /** what is there */
  readonly found: string
  /** what to do about it; empty when it is ok */
  readonly mend: string
}

/** An interface the datapath is to be attached to. */
export interface ExaminedInterface {
  readonly name: string
  readonly hook: 'auto' | 'xdp' | 'xdp-generic' | 'tc'
  /** some service has an IPv6 address */
  readonly ipv6?: boolean
}

/** What the doctor asks of a machine. Every answer is null where the question cannot be answered. */
export interface Machine {
  readText(path: string): Promise<string | null>
  /** the magic number of the file system at a path */
  fileSystem(path: string): Promise<number | null>
  writable(path: string): Promise<boolean>
  exists(path: string): Promise<boolean>
  /** the path of a program, looked for where root's programs are too */
  program(name: string): Promise<string | null>
  /** a program's standard output; null when it fails */
  output(program: string, args: readonly string[]): Promise<string | null>
  /** why a native addon does not load; null when it does */
  addonError(path: string): string | null
}

const oldestKernel = [6, 1] as const
const bpfFileSystem = 0xcafe4a11
const buildFolder = join(import.meta.dirname, '../../build')
const objects = ['lb.xdp.o', 'lb.tc.o', 'lb.gc.o']
const setup = 'run scripts/setup'

/** Bits of a capability set, from linux/capability.h. CAP_SYS_ADMIN stands in for the younger two. */
const capabilities = [
  { name: 'CAP_NET_ADMIN', anyOf: [12n] },
  { name: 'CAP_NET_RAW', anyOf: [13n] },
  { name: 'CAP_BPF', anyOf: [39n, 21n] },
  { name: 'CAP_PERFMON', anyOf: [38n, 21n] },
]

/** Everything looked at, in the order to mend it in. */
export async function examine(
  interfaces: readonly ExaminedInterface[] = [],
  machine: Machine = thisMachine(),
): Promise<readonly Finding[]> {
  return [
    await kernel(machine),
    await privileges(machine),
    await pinFolder(machine),
    await kernelTypes(machine),
    await jit(machine),
    await program(machine, 'ip', 'iproute2'),
    await program(machine, 'ethtool', 'ethtool'),
    await builtObjects(machine),
    addon(machine),
    // The kernel asks for both: that of the interface a packet comes in by, and that of all.
    ...(interfaces.some(({ ipv6 }) => ipv6 === true) ? [await forwarding('all', 6, machine)] : []),
    ...(await Promise.all(interfaces.map((each) => examineInterface(each, machine)))).flat(),
  ]
}

const good = (what: string, found: string): Finding => ({ ok: true, what, found, mend: '' })
const bad = (what: string, found: string, mend: string): Finding => ({ ok: false, what, found, mend })

// ---- the machine ----------------------------------------------------------------------------------------------------

async function kernel(machine: Machine): Promise<Finding> {
  const release = (await machine.readText('/proc/sys/kernel/osrelease'))?.trim() ?? 'unknown'
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat)
  const [oldestMajor, oldestMinor] = oldestKernel
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
    ? good('kernel', release)
    : bad('kernel', release, `install Linux ${oldestKernel.join('.')} or newer`)
}

async function privileges(machine: Machine): Promise<Finding> {
  const status = (await machine.readText('/proc/self/status')) ?? ''
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const lacking = capabilities.filter(({ anyOf }) => anyOf.every((bit) => (effective & (1n << bit)) === 0n))
  if (lacking.length === 0) return good('privileges', capabilities.map(({ name }) => name).join(' '))
  const names = lacking.map(({ name }) => name).join(' ')
  return bad('privileges', `lacks ${names}`, `run as root (sudo), or give the service these: ${names}`)
}

async function pinFolder(machine: Machine): Promise<Finding> {
  const what = 'bpf file system'
  const path = '/sys/fs/bpf'
  if ((await machine.fileSystem(path)) !== bpfFileSystem) {
    return bad(what, `none at ${path}`, `mount -t bpf bpf ${path}`)
  }
  if (!(await machine.writable(path))) return bad(what, `${path} is not writable`, `run as root, or chown ${path}`)
  return good(what, path)
}

async function kernelTypes(machine: Machine): Promise<Finding> {
  const path = '/sys/kernel/btf/vmlinux'
  return (await machine.exists(path))
    ? good('kernel BTF', path)
    : bad('kernel BTF', `no ${path}`, 'take a kernel built with CONFIG_DEBUG_INFO_BTF=y')
}

async function jit(machine: Machine): Promise<Finding> {
  const what = 'BPF JIT'
  const path = '/proc/sys/net/core/bpf_jit_enable'
  const value = (await machine.readText(path))?.trim() ?? null
  if (value === '1' || value === '2') return good(what, 'on')
  // Only root may read it, and only in the first network namespace: elsewhere it cannot be known.
  return value === null ? good(what, 'not readable from here') : bad(what, 'off', 'sysctl -w net.core.bpf_jit_enable=1')
}

async function program(machine: Machine, name: string, debianPackage: string): Promise<Finding> {
  const path = await machine.program(name)
  return path === null
    ? bad(`program ${name}`, 'not installed', `apt-get install ${debianPackage}, or ${setup}`)
    : good(`program ${name}`, path)
}

async function builtObjects(machine: Machine): Promise<Finding> {
  const there = await Promise.all(objects.map((name) => machine.exists(join(buildFolder, name))))
  const lacking = objects.filter((_, index) => there[index] !== true)
  return lacking.length === 0
    ? good('BPF objects', objects.join(' '))
    : bad('BPF objects', `not built: ${lacking.join(' ')}`, setup)
}

function addon(machine: Machine): Finding {
  const error = machine.addonError(join(buildFolder, 'sluice.node'))
  return error === null ? good('native addon', 'loads') : bad('native addon', `does not load: ${error}`, setup)
}

// ---- an interface ---------------------------------------------------------------------------------------------------

async function examineInterface(wanted: ExaminedInterface, machine: Machine): Promise<readonly Finding[]> {
  const { name } = wanted
  const what = `interface ${name}`
  const [link] = parseLinks(await machine.output('ip', ['-json', 'link', 'show', 'dev', name]))
  if (link === undefined) return [bad(what, 'no such interface', 'correct its name in the configuration, or create it')]
  return [
    link.flags.includes('UP') ? good(what, 'up') : bad(what, 'down', `ip link set ${name} up`),
    await forwarding(name, 4, machine),
    ...(wanted.ipv6 === true ? [await forwarding(name, 6, machine)] : []),
    ...(wanted.hook === 'tc' ? [] : await receiveOffloads(wanted, machine)),
  ]
}

async function forwarding(name: string, family: 4 | 6, machine: Machine): Promise<Finding> {
  const what = `IPv${family} forwarding on ${name}`
  const value = (await machine.readText(`/proc/sys/net/ipv${family}/conf/${name}/forwarding`))?.trim()
  const setting = `net.ipv${family}.conf.${sysctlName(name)}.forwarding`
  return value === '1' ? good(what, 'on') : bad(what, 'off', `sysctl -w ${setting}=1`)
}

/** A dot in an interface's name, as VLANs have, is a slash for sysctl. */
const sysctlName = (name: string): string => name.replaceAll('.', '/')

/** Offloads that merge packets below XDP: drivers refuse XDP beside them, or hand it packets it cannot take. */
async function receiveOffloads(wanted: ExaminedInterface, machine: Machine): Promise<readonly Finding[]> {
  const { name } = wanted
  const features = (await machine.output('ethtool', ['-k', name])) ?? ''
  return [
    { feature: 'large-receive-offload', flag: 'lro' },
    { feature: 'rx-gro-hw', flag: 'rx-gro-hw' },
  ].map(({ feature, flag }) => {
    const what = `${feature} on ${name}`
    const value = new RegExp(`^${feature}: (\\w+)`, 'm').exec(features)?.[1] ?? 'off'
    return value === 'off'
      ? good(what, 'off')
      : bad(what, 'on, which XDP cannot have', `ethtool -K ${name} ${flag} off`)
  })
}

interface Link {
  readonly flags: readonly string[]
}

function parseLinks(json: string | null): readonly Link[] {
  return json === null || json.trim() === '' ? [] : (JSON.parse(json) as readonly Link[])
}

// ---- this machine ---------------------------------------------------------------------------------------------------

function thisMachine(): Machine {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const allowed = async (path: string, mode: number): Promise<boolean> => {
    try {
      await access(path, mode)
      return true
    } catch {
      return false
    }
  }
  const machine: Machine = {
    readText: (path) => readFile(path, 'utf8').catch(() => null),
    fileSystem: (path) =>
      statfs(path).then(
        ({ type }) => type,
        () => null,
      ),
    writable: (path) => allowed(path, constants.W_OK),
    exists: (path) => allowed(path, constants.F_OK),
    program: async (name) => {
      for (const path of folders.map((folder) => join(folder, name))) {
        if (await allowed(path, constants.X_OK)) return path
      }
      return null
    },
    output: async (name, args) => {
      const path = await machine.program(name)
      if (path === null) return null
      return promisify(execFile)(path, args).then(
        ({ stdout }) => stdout,
        () => null,
      )
    },
    addonError: (path) => {
      try {
        createRequire(import.meta.url)(path)
        return null
      } catch (error) {
        return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      }
    },
  }
  return machine
}
