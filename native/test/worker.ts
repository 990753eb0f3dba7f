// The worker of namespace.ts: enters the namespace, runs the scenario, answers.

import { parentPort, workerData } from 'node:worker_threads'
import { native } from '../load.ts'
import type { Task } from './namespace.ts'
import { scenarios } from './scenarios.ts'

const task = workerData as Task
native.enterNetworkNamespace(task.path)
parentPort?.postMessage(await scenarios[task.scenario](task.objectPath))
