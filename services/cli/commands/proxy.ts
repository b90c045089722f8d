// Runs `fleetgate proxy`: one node and its Envoy, as a process of its own.
import type { Command } from 'commander';
import { proxyOptions } from '../../proxy/options.ts';
import { startProxy } from '../../proxy/proxy.ts';
import { mountService } from '../shell/service-command.ts';

/** Adds options and action. */
export function configureProxy(command: Command): void {
  mountService(command, 'proxy', proxyOptions, startProxy);
}
