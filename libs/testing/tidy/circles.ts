// Finds the circles of a graph.

/** The sets of nodes that reach each other (Tarjan), those of one node left out; sorted within. */
export function findCircles(graph: ReadonlyMap<string, ReadonlySet<string>>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const circles: (readonly string[])[] = [];
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return circles;

  function visit(node: string): number {
    const at = order.size;
    order.set(node, at);
    lowest.set(node, at);
    open.push(node);
    for (const next of graph.get(node) ?? []) {
      const reached = order.has(next) ? (open.includes(next) ? (order.get(next) ?? at) : at) : visit(next);
      lowest.set(node, Math.min(lowest.get(node) ?? at, reached));
    }
    if (lowest.get(node) === at) {
      const members = open.splice(open.indexOf(node));
      if (members.length > 1) circles.push(members.toSorted());
    }
    return lowest.get(node) ?? at;
  }
}
