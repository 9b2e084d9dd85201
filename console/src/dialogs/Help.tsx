// Keys and signs.

import { run } from "../feed/store.ts";
import { Legend } from "../panels/Legend.tsx";
import { setSingleKeys, SHORTCUTS, singleKeys } from "../keys.ts";
import { Modal } from "../parts/modal.tsx";

export function Help() {
  return (
    <Modal title="Help" wide>
      <div class="modal-body help">
        <section>
          <h3>Keys</h3>
          <table class="keys">
            <tbody>
              {SHORTCUTS.map(({ key, does }) => (
                <tr key={key}>
                  <th scope="row">
                    <kbd>{key}</kbd>
                  </th>
                  <td>{does}</td>
                </tr>
              ))}
              <tr>
                <th scope="row">
                  <kbd>Esc</kbd>
                </th>
                <td>One step back: close the dialog, the panel</td>
              </tr>
              <tr>
                <th scope="row">
                  <kbd>Enter</kbd>
                </th>
                <td>On the map, when it is asked for a place: take its middle</td>
              </tr>
            </tbody>
          </table>
          <label class="check">
            <input type="checkbox" checked={singleKeys.value} onChange={(event) => setSingleKeys(event.currentTarget.checked)} data-autofocus />
            Single keys are on
          </label>
        </section>
        <section>
          <h3>Signs</h3>
          <Legend />
        </section>
        <p class="soft">
          Bowstreet {run.value?.version ?? ""}. <a href="./licences.html">Licences of what the console is made with</a>.
        </p>
      </div>
    </Modal>
  );
}
