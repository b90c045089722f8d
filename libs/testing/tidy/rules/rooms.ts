// The rooms of a folder are its folders, and each file that lies directly in it. They do not import each other in a
// circle, and where the tables say so they are few and so are the arrows between them.
import { findCircles } from '#libs/testing/tidy/circles.ts';
import type { Fault } from '#libs/testing/tidy/fault.ts';
import { folderOf, isTest, isTestSupport } from '#libs/testing/tidy/kind-of-file.ts';
import type { Tables } from '#libs/testing/tidy/tables.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';

/** Room → the rooms that it imports, each with the first import that does so. */
type Arrows = ReadonlyMap<string, ReadonlyMap<string, Place>>;

interface Place {
  readonly file: string;
  readonly line: number;
}

/** A circle between single files is the linter's to find; here at least one of the rooms is a folder. */
export function findRoomCircles(tree: Tree): readonly Fault[] {
  return foldersOf(tree).flatMap((folder) => {
    const arrows = arrowsIn(tree, folder);
    const circles = findCircles(new Map([...arrows].map(([room, others]) => [room, new Set(others.keys())])));
    return circles
      .filter((circle) => circle.some((room) => !room.includes('.')))
      .map((circle) => {
        const places = circle.flatMap((from) => circle.flatMap((to) => arrows.get(from)?.get(to) ?? []));
        const { file, line } = places[0] ?? { file: folder, line: 1 };
        const text = `in ${folder} these import each other: ${circle.join(', ')}`;
        return { file, line, rule: 'room circle', text };
      });
  });
}

/** Counts folders as rooms; what lies directly in the folder is one room, its hall. */
export function findCrowdedFolders(tree: Tree, { rooms }: Tables): readonly Fault[] {
  return Object.entries(rooms).flatMap(([folder, { roomsMax, arrowsMax }]) => {
    const arrows = arrowsIn(tree, folder);
    const names = new Set([...arrows.keys()].filter((room) => !room.includes('.')));
    const pairs = [...arrows].flatMap(([from, others]) =>
      [...others].map(([to, place]) => ({ pair: `${hallOr(from)} → ${hallOr(to)}`, place })),
    );
    const distinct = new Map(
      pairs.filter(({ pair }) => pair !== 'hall → hall').map(({ pair, place }) => [pair, place]),
    );
    const place = [...distinct.values()].at(-1) ?? { file: folder, line: 1 };
    const faults: Fault[] = [];
    if (names.size > roomsMax)
      faults.push({ ...place, rule: 'rooms', text: `${folder} has ${names.size} rooms, more than ${roomsMax}` });
    if (distinct.size > arrowsMax)
      faults.push({
        ...place,
        rule: 'rooms',
        text: `${folder} has ${distinct.size} arrows between its rooms, more than ${arrowsMax}`,
      });
    return faults;
  });
}

function hallOr(room: string): string {
  return room.includes('.') ? 'hall' : room;
}

function foldersOf(tree: Tree): readonly string[] {
  const folders = new Set<string>();
  for (const path of tree.sources.keys())
    for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) folders.add(folder);
  return [...folders].toSorted();
}

function arrowsIn(tree: Tree, folder: string): Arrows {
  const arrows = new Map<string, Map<string, Place>>();
  for (const { path, imports } of tree.sources.values()) {
    const from = roomOf(path, folder);
    if (from === undefined) continue;
    const others = arrows.get(from) ?? new Map<string, Place>();
    arrows.set(from, others);
    for (const { target, line } of imports) {
      const to = target === undefined ? undefined : roomOf(target, folder);
      if (to !== undefined && to !== from && !others.has(to)) others.set(to, { file: path, line });
    }
  }
  return arrows;
}

/** The room of a folder that a file of production lies in: the folder's name, or the file's; undefined elsewhere. */
function roomOf(path: string, folder: string): string | undefined {
  if (!path.startsWith(`${folder}/`) || isTest(path) || isTestSupport(path)) return undefined;
  return path.slice(folder.length + 1).split('/')[0];
}
