// Loaded before a test when FLEETGATE_SEED is set: every property that names no seed of its own takes that one, so that
// a failure, which says its seed, is found again: `FLEETGATE_SEED=… npm test -- FILE`.
import { configureGlobal } from 'fast-check';

const seed = Number(process.env['FLEETGATE_SEED']);
if (!Number.isInteger(seed)) throw new Error(`FLEETGATE_SEED is no whole number: ${process.env['FLEETGATE_SEED']}`);
configureGlobal({ seed });
