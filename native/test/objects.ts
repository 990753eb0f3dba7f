// BPF objects for the addon's tests, compiled when a test file asks for them, and the words they are spoken to in.

import test, { type ExecutionContext } from 'ava'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { testWith, type Need } from '../../src/testing/needs.ts'
import type { BpfObject } from '../index.d.ts'
import { native } from '../load.ts'

const clang = spawnSync('clang', ['--version']).status === 0

/**
 * Compiles `native/test/NAME.bpf.c` into a temporary folder that goes when the test file ends; called at the top of
 * that file. Without clang there is nothing at the path, and the tests that want it are skipped.
 */
export function compile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-native-'))
  test.after.always(() => rmSync(folder, { recursive: true, force: true }))
  const output = join(folder, `${name}.o`)
  if (!clang) return output
  const source = fileURLToPath(new URL(`${name}.bpf.c`, import.meta.url))
  const multiarch = spawnSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).stdout.trim()
  const options = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', `-I/usr/include/${multiarch}`]
  const result = spawnSync('clang', [...options, '-c', source, '-o', output], { encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`clang ${source}: ${result.error?.message ?? result.stderr}`)
  return output
}

/** A test that loads BPF objects: needs clang besides the privileges. */
export function testWithObjects(
  needs: readonly Need[],
  title: string,
  run: (t: ExecutionContext) => void | Promise<void>,
): void {
  if (clang) testWith(['root', 'bpf', ...needs], title, run)
  else test.skip(`${title} (needs clang: it is not installed)`, run)
}

/** A loaded object, closed at the end of the test. */
export function load(t: ExecutionContext, path: string, prepare?: (object: BpfObject) => void): BpfObject {
  const object = native.objectOpen(path)
  t.teardown(() => native.objectClose(object))
  prepare?.(object)
  native.objectLoad(object)
  return object
}

export function mapFd(object: BpfObject, name: string): number {
  const map = native.objectMaps(object).find((map) => map.name === name)
  if (map === undefined) throw new Error(`the object has no map ${name}`)
  return map.fd
}

export function programFd(object: BpfObject, name: string): number {
  const program = native.objectPrograms(object).find((program) => program.name === name)
  if (program === undefined) throw new Error(`the object has no program ${name}`)
  return program.fd
}

/** A map of the test's own, closed at its end. */
export function createMap(t: ExecutionContext, options: Parameters<typeof native.mapCreate>[0]): number {
  const fd = native.mapCreate(options)
  t.teardown(() => native.fdClose(fd))
  return fd
}

export const u32 = (...numbers: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer)

export const u64 = (...numbers: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(numbers).buffer)

/** The numbers in `bytes`, whatever its alignment. */
export const u32s = (bytes: Uint8Array): number[] => [...new Uint32Array(bytes.slice().buffer)]

export const u64s = (bytes: Uint8Array): bigint[] => [...new BigUint64Array(bytes.slice().buffer)]
