// A dialog of the browser's own: it keeps the focus inside, closes on Esc, and gives the focus back.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { dialog } from "../state.ts";
import { type Doing, Trouble } from "./controls.tsx";
import { Icon } from "./marks.tsx";

export function closeDialog(): void {
  dialog.value = null;
}

export interface ModalProps {
  readonly title: string;
  readonly wide?: boolean;
  readonly onClose?: () => void;
  readonly children: ComponentChildren;
}

export function Modal({ title, wide = false, onClose = closeDialog, children }: ModalProps) {
  const id = useId();
  const host = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const shown = host.current;
    shown?.showModal();
    shown?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={host}
      class={wide ? "modal wide" : "modal"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="modal-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button quiet only-icon" aria-label="Close this dialog" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

export interface AskProps {
  readonly title: string;
  readonly doing: Doing;
  readonly verb: string;
  readonly grave?: boolean;
  readonly ready: boolean;
  readonly wide?: boolean;
  readonly onConfirm: () => Promise<unknown>;
  readonly children: ComponentChildren;
}

/** A dialog that asks before something is done; it closes when it was. Ctrl+Enter confirms from anywhere in it. */
export function Ask({ title, doing, verb, grave = false, ready, wide = false, onConfirm, children }: AskProps) {
  const confirm = async (): Promise<void> => {
    if (ready && (await doing.run(onConfirm))) closeDialog();
  };
  return (
    <Modal title={title} wide={wide}>
      <form
        class="modal-body"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void confirm();
        }}
      >
        {children}
        <Trouble error={doing.error} />
        <footer class="modal-foot">
          <button type="button" class="button plain" onClick={closeDialog}>
            Cancel
          </button>
          <button type="submit" class={`button ${grave ? "grave" : "main"}`} disabled={!ready || doing.busy}>
            {doing.busy ? "Sending…" : verb}
          </button>
        </footer>
      </form>
    </Modal>
  );
}
