/**
 * Every path that Podferry uses on a node is made here, and every name that becomes a part of one is checked here.
 * The wrapper (agent/wrapper/podferry-runc) knows the target's half of this layout.
 */
import { join } from 'node:path';
import { Fault } from '../proto/fault.ts';

/** A migration's or a container's name: DNS-1123 label, so never empty, hidden, a path or an option. */
export function isLabel(value: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value);
}

export function checkLabel(kind: string, value: string): string {
  if (isLabel(value)) return value;
  throw new Fault(
    'InvalidArgument',
    `${kind} ${JSON.stringify(value)} is not a name: use 1 to 63 of a-z, 0-9 and -, not - at either end`,
  );
}

export class NodePaths {
  /** @param state a directory on a tmpfs, /run/podferry on a node: what it holds must not survive a reboot */
  readonly state: string;

  constructor(state: string) {
    this.state = state;
  }

  get sources(): string {
    return join(this.state, 'source');
  }

  get targets(): string {
    return join(this.state, 'target');
  }

  get allKept(): string {
    return join(this.state, 'kept');
  }

  /** CRIU's logs of migrations that went well, if they are to be kept. */
  get allLogs(): string {
    return join(this.state, 'logs');
  }

  /** Where logs and images of a failed migration stay for a person to look at. */
  kept(migration: string): string {
    return join(this.allKept, checkLabel('migration', migration));
  }

  /** Pods that are kept alive without an object: see source/hold.ts. The wrapper looks here at each `kill`. */
  get holds(): string {
    return join(this.state, 'held');
  }

  hold(migration: string): string {
    return join(this.holds, `${checkLabel('migration', migration)}.json`);
  }

  /** File with the second since boot up to which signals to a container are swallowed. */
  heldContainer(id: string): string {
    if (/^[a-zA-Z0-9_-]+$/.test(id)) return join(this.holds, id);
    throw new Fault('InvalidArgument', `container ${JSON.stringify(id)} is not an id`);
  }

  source(migration: string): SidePaths {
    return new SidePaths(join(this.sources, checkLabel('migration', migration)));
  }

  target(migration: string): SidePaths {
    return new SidePaths(join(this.targets, checkLabel('migration', migration)));
  }
}

/** One side of one migration. */
export class SidePaths {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** What the agent knows of its side, complete: see journal.ts. */
  get record(): string {
    return join(this.directory, 'record.json');
  }

  /** A symbolic link that can be made only once: "commit" or "thaw" at the source, "go" or "abort" at the target. */
  get decision(): string {
    return join(this.directory, 'decision');
  }

  /** Undo scripts of what was planted outside this directory, newest last. */
  get planted(): string {
    return join(this.directory, 'planted');
  }

  /** Target: there while the wrapper may claim containers; holds the seconds that it may wait. */
  get expected(): string {
    return join(this.directory, 'expected');
  }

  /** Target: NAMESPACE/NAME of the one pod whose containers the wrapper may claim it for. */
  get pod(): string {
    return join(this.directory, 'pod');
  }

  /** Source: what leads clients to the target: see connections/redirect.ts. */
  get redirection(): string {
    return join(this.directory, 'redirection.json');
  }

  /** Source: FIFO of what holds packets while the pod stands still. */
  get plug(): string {
    return join(this.directory, 'plug');
  }

  /** Source: id of the sandbox that leaves. The wrapper starts nothing in it after the commit. */
  get sandbox(): string {
    return join(this.directory, 'sandbox');
  }

  /** A tmpfs of its own, sized to the pod. */
  get staging(): string {
    return join(this.directory, 'containers');
  }

  container(name: string): ContainerPaths {
    return new ContainerPaths(join(this.staging, checkLabel('container', name)));
  }
}

export class ContainerPaths {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** CRIU's images. */
  get images(): string {
    return join(this.directory, 'images');
  }

  /** Target: a FIFO until the go; CRIU opens it before any other image. */
  get inventoryFifo(): string {
    return join(this.images, 'inventory.img');
  }

  /** Target: the inventory's content, in wait. */
  get inventory(): string {
    return join(this.directory, 'inventory');
  }

  /** CRIU's logs; a fresh one per try, because a failed restore leaves mounts in it. */
  get work(): string {
    return join(this.directory, 'work');
  }

  get secondWork(): string {
    return join(this.directory, 'work-again');
  }

  /** Target: the container's root, of one whose turn to be started has not come. */
  get root(): string {
    return join(this.directory, 'root');
  }

  /** Target: what has arrived for a tree of a container that is not there yet. */
  spool(tree: string): string {
    return join(this.directory, 'spool', checkLabel('tree', tree));
  }

  /** Target: link to the OCI bundle, made by the wrapper. */
  get bundle(): string {
    return join(this.directory, 'bundle');
  }

  /** Target, of post-copy: what is missing. This and what follows is shared with lazy-pages.pl. */
  get lazyRanges(): string {
    return join(this.directory, 'lazy-ranges');
  }

  /** Target: where lazy-pages.pl asks the agent for pages. Longer than a socket's name may be: see LazyPages. */
  get pagesSocket(): string {
    return join(this.directory, 'pages.socket');
  }

  /** Target: nothing is missing any more. */
  get lazyDone(): string {
    return join(this.directory, 'lazy-done');
  }

  /** Target: pages did not come, and the container was killed for that. */
  get lazyLost(): string {
    return join(this.directory, 'lazy-lost');
  }

  /** Target: CRIU's configuration. */
  get externalConf(): string {
    return join(this.directory, 'external.conf');
  }

  /** FIFO. Target: "go" or "abort" for the wrapper. Source: the same for CRIU's pre-dump hook. */
  get go(): string {
    return join(this.directory, 'go');
  }

  /** File that the other process makes when it waits at `go`. */
  get waiting(): string {
    return join(this.directory, 'waiting');
  }

  /** Source: file that tells CRIU's hooks not to wait any more. */
  get cancelled(): string {
    return join(this.directory, 'cancelled');
  }

  /** Source: locked as long as CRIU lives, also when the agent that started it does not. */
  get dumping(): string {
    return join(this.directory, 'dumping');
  }

  /** Source: file made by CRIU's post-dump hook: the images are complete, long before CRIU exits. */
  get dumped(): string {
    return join(this.directory, 'dumped');
  }

  /** Target: how the start of the container ended: see start-apart.ts. */
  get started(): string {
    return join(this.directory, 'started');
  }

  get running(): string {
    return join(this.directory, 'running');
  }

  get failed(): string {
    return join(this.directory, 'failed');
  }

  /** Target: the directory that stands for an external mount of the dump. */
  external(mountPoint: string): string {
    return join(this.directory, `external${mountPoint.replaceAll('/', '-')}`);
  }
}
