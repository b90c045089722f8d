// Describes the values that several models have: times, versions, sequence numbers, names of gateways.
import { z } from 'zod';

export const time = z.iso.datetime();

export const gatewayId = z.string().describe('cluster/namespace/name');

export const seq = z.string().describe('Sequence number in the history, a decimal.');

export const version = z.int().min(0);

export const ageMs = z.number().min(0).describe('Milliseconds since.');
