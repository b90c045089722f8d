// Makes the metrics of one service in the Prometheus text format. Names begin with fleetgate_, but for what every
// process of Node has: that keeps its usual names (process_…, nodejs_…). Every series carries the service, and what
// else tells one process from another.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** `fleetgate_<name>`, ends in `_total`. */
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** `collect` runs at each scrape, for values that are read rather than kept. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>;
  /** Buckets in the unit of the name; default: seconds from 1 ms to 10 s. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>;
}

const secondsBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/**
 * Makes a registry with the process's own metrics, and the means to make more. `labels` are on every series, such as
 * the agent's cluster.
 */
export function createMetrics(service: string, labels: Readonly<Record<string, string>> = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service, ...labels });
  collectDefaultMetrics({ register: registry });
  const common = (name: string, help: string) => ({ name: `fleetgate_${name}`, help, registers: [registry] });
  return {
    registry,
    counter: (name, help, labels = []) => new Counter({ ...common(name, help), labelNames: labels }),
    gauge(name, help, labels = [], collect) {
      return new Gauge({
        ...common(name, help),
        labelNames: labels,
        ...(collect === undefined
          ? {}
          : {
              collect() {
                return collect(this);
              },
            }),
      });
    },
    histogram: (name, help, labels = [], buckets = secondsBuckets) =>
      new Histogram({ ...common(name, help), labelNames: labels, buckets: [...buckets] }),
  };
}
