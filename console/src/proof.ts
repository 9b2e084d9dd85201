// A grave act needs a fresh proof of who asks. When the program says so, it is asked for here, and the act is done again.

import { signal } from "@preact/signals";
import { Problem } from "./api/client.ts";

export interface ProofAsked {
  /** Says whether the proof was given. */
  readonly answer: (given: boolean) => void;
}

export const proofAsked = signal<ProofAsked | null>(null);

function askForProof(): Promise<boolean> {
  proofAsked.peek()?.answer(false);
  return new Promise((resolve) => {
    proofAsked.value = {
      answer: (given) => {
        proofAsked.value = null;
        resolve(given);
      },
    };
  });
}

/** Do `act`; when all that is missing is a fresh proof, ask for it and do `act` once more. Throws what `act` throws. */
export async function proved<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Problem) || error.kind !== "proof-needed" || !(await askForProof())) throw error;
    return act();
  }
}
