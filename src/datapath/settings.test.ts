import test from 'ava'
import { flowState, settingsOffsets, settingsSize } from './layout.gen.ts'
import { readPortRange, stepsPerWalk, writeSettings } from './settings.ts'

const timeouts = {
  synSent: 5,
  synReceived: 6,
  established: 3600,
  closing: 7,
  unreplied: 0.001,
  replied: 60,
  drain: 900,
}

test('settings: time-outs are written in ticks, by state, and none is less than one', (t) => {
  const memory = new DataView(new ArrayBuffer(settingsSize))
  const portRange = { first: 1024, last: 65_535 }
  writeSettings(memory, { timeouts, portRange, events: true, ticksPerSecond: 250 })
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

test('settings: the replay clock and the route generation are left alone', (t) => {
  const memory = new DataView(new ArrayBuffer(settingsSize))
  memory.setBigUint64(settingsOffsets.replayNow, 77n, true)
  memory.setUint32(settingsOffsets.routeGeneration, 88, true)
  writeSettings(memory, { timeouts, portRange: { first: 1, last: 2 }, events: false, ticksPerSecond: 100 })
  t.is(memory.getBigUint64(settingsOffsets.replayNow, true), 77n)
  t.is(memory.getUint32(settingsOffsets.routeGeneration, true), 88)
})

test('settings: a walk over the flows takes half the shortest time-out, and never more than ten seconds', (t) => {
  const walkMs = (synSent: number): number => stepsPerWalk({ ...timeouts, unreplied: 3600, synSent }, 250) * 250
  t.is(walkMs(4), 2000)
  t.is(walkMs(0.1), 250)
  const long = { ...timeouts, synSent: 3600, synReceived: 3600, closing: 3600, unreplied: 3600 }
  t.is(stepsPerWalk(long, 250) * 250, 10_000)
})
