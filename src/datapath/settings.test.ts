import test from 'ava'
import { flowState, settingsOffsets, settingsSize } from './layout.gen.ts'
import { formatAddress } from '../wire/ip.ts'
import { admittedFlows, admittedSeids, readPortRange, stepsPerWalk, timeoutTicks, writeSettings } from './settings.ts'

const timeouts = {
  synSent: 5,
  synReceived: 6,
  established: 3600,
  closing: 7,
  unreplied: 0.001,
  replied: 60,
  drain: 900,
}

const noEncapsulation = { source4: null, source6: null, guePort: 0 }
const portRange = { first: 1024, last: 65_535 }
const settings = {
  timeouts,
  portRange,
  events: false,
  ticksPerSecond: 100,
  flowsAdmitted: 0,
  seidsAdmitted: 0,
  encapsulation: noEncapsulation,
}

test('settings: time-outs are written in ticks, by state, and none is less than one', (t) => {
  const memory = new DataView(new ArrayBuffer(settingsSize))
  writeSettings(memory, { ...settings, events: true, ticksPerSecond: 250 })
  const ticks = (state: keyof typeof flowState): number =>
    memory.getUint32(settingsOffsets.timeouts + flowState[state] * 4, true)
  t.deepEqual(
    [ticks('syn_sent'), ticks('syn_received'), ticks('established'), ticks('closing')],
    [1250, 1500, 900_000, 1750],
  )
  t.deepEqual([ticks('closed'), ticks('unreplied'), ticks('replied')], [125, 1, 15_000])
  t.deepEqual(readPortRange(memory), portRange)
  t.is(memory.getUint32(settingsOffsets.events, true), 1)
})

test('settings: what belongs to others is left alone: replay clock, route generation, features', (t) => {
  const memory = new DataView(new ArrayBuffer(settingsSize))
  memory.setBigUint64(settingsOffsets.replayNow, 77n, true)
  memory.setUint32(settingsOffsets.routeGeneration, 88, true)
  memory.setUint16(settingsOffsets.features, 5, true)
  writeSettings(memory, settings)
  t.is(memory.getBigUint64(settingsOffsets.replayNow, true), 77n)
  t.is(memory.getUint32(settingsOffsets.routeGeneration, true), 88)
  t.is(memory.getUint16(settingsOffsets.features, true), 5)
})

test('settings: outer headers of encapsulated packets are written, and taken away again', (t) => {
  const memory = new DataView(new ArrayBuffer(settingsSize))
  const address = (offset: number): string => formatAddress(new Uint8Array(memory.buffer), offset)
  const { encapSource4, encapSource6, guePort } = settingsOffsets
  writeSettings(memory, { ...settings, encapsulation: { source4: '172.16.0.0', source6: 'fd00::', guePort: 6080 } })
  t.deepEqual([address(encapSource4), address(encapSource6)], ['172.16.0.0', 'fd00::'])
  t.is(memory.getUint16(guePort), 6080, 'in network order')
  writeSettings(memory, settings)
  t.deepEqual([address(encapSource4), address(encapSource6), memory.getUint16(guePort)], ['::', '::', 0])
})

test('settings: a part of the flows is kept for those that live', (t) => {
  t.deepEqual(
    [admittedFlows(1000, 0), admittedFlows(1000, 1), admittedFlows(1000, 50), admittedFlows(1, 50)],
    [0, 990, 500, 1],
  )
  const memory = new DataView(new ArrayBuffer(settingsSize))
  writeSettings(memory, { ...settings, flowsAdmitted: 990 })
  t.is(memory.getUint32(settingsOffsets.flowsAdmitted, true), 990)
})

test('settings: learnt SEIDs of one service leave room for other hints', (t) => {
  t.deepEqual([1_048_576, 1024, 1].map(admittedSeids), [786_432, 768, 1])
  const memory = new DataView(new ArrayBuffer(settingsSize))
  writeSettings(memory, { ...settings, seidsAdmitted: 768 })
  t.is(memory.getUint32(settingsOffsets.seidsAdmitted, true), 768)
})

test('settings: a service with an idle time-out of its own has it for flows both sides of which have spoken', (t) => {
  const memory = new DataView(new ArrayBuffer(settingsSize))
  writeSettings(memory, settings)
  const idle = Uint32Array.of(0, 0, 77, 0, 0, 0)
  const ticks = (state: keyof typeof flowState, service: number): number =>
    timeoutTicks(memory, idle, flowState[state], service)
  t.deepEqual([ticks('established', 1), ticks('replied', 1)], [77, 77])
  t.deepEqual([ticks('syn_sent', 1), ticks('unreplied', 1), ticks('closing', 1)], [500, 1, 700])
  t.deepEqual([ticks('established', 2), ticks('established', 999)], [360_000, 360_000])
})

test('settings: a walk over the flows takes half the shortest time-out, and never more than ten seconds', (t) => {
  const walkMs = (synSent: number): number => stepsPerWalk({ ...timeouts, unreplied: 3600, synSent }, 250) * 250
  t.is(walkMs(4), 2000)
  t.is(walkMs(0.1), 250)
  const long = { ...timeouts, synSent: 3600, synReceived: 3600, closing: 3600, unreplied: 3600 }
  t.is(stepsPerWalk(long, 250) * 250, 10_000)
})
