/**
 * Notices for a filesystem that is built before its mount: until an engine is bound, and after it is gone, the kernel
 * holds nothing, so what comes is dropped.
 */
import { noNotices, type KernelNotices, type NodeId } from '../fs/operations.js'
import type { FuseSession } from './fuse-addon.js'

export class LateNotices implements KernelNotices {
  #target: KernelNotices = noNotices

  bind(target: KernelNotices): void {
    this.#target = target
  }

  unbind(): void {
    this.#target = noNotices
  }

  invalidateEntry(parent: NodeId, name: string): void {
    this.#target.invalidateEntry(parent, name)
  }

  invalidateNode(node: NodeId, offset: number, lengthBytes: number): void {
    this.#target.invalidateNode(node, offset, lengthBytes)
  }

  entryDeleted(parent: NodeId, child: NodeId, name: string): void {
    this.#target.entryDeleted(parent, child, name)
  }
}

/** Notices into a session. `expireOnly`: the kernel can ask again instead of dropping (INIT said so). */
export function sessionNotices(session: FuseSession, expireOnly: boolean): KernelNotices {
  return {
    invalidateEntry: (parent, name) => {
      session.notifyEntry(parent, name, expireOnly)
    },
    invalidateNode: (node, offset, lengthBytes) => {
      session.notifyInode(node, Math.max(offset, -1), lengthBytes)
    },
    entryDeleted: (parent, child, name) => {
      session.notifyDelete(parent, child, name)
    },
  }
}
