import { MOVE_ACTIONS } from './move-tasks.ts';
import { QUEUE_ACTIONS } from './queue-actions.ts';
import { RECEIVE_ACTIONS } from './receive-actions.ts';
import { SEND_ACTIONS } from './send-actions.ts';

/** All implemented SQS actions, by their AWS names. */
export const ACTIONS = { ...QUEUE_ACTIONS, ...SEND_ACTIONS, ...RECEIVE_ACTIONS, ...MOVE_ACTIONS };

export const SQS_ACTIONS = Object.keys(ACTIONS) as readonly (keyof typeof ACTIONS)[];
