// What a person sees when the server's answer does not verify: above everything else, in the way of nothing but trust, until
// it has been read. Several alarms stack, the newest first. Nothing of the answer itself is shown.

import type { VerificationError } from "../../src/client/errors.ts";
import { explanationOf } from "./checks.ts";
import { byId, facts, h, mark } from "./dom.ts";
import { shownPoint } from "./shown.ts";

export function raiseAlarm(error: VerificationError): void {
  const place = byId("alarm", HTMLDivElement);
  const { holds, why } = explanationOf(error.check);
  const title = h("h1", { tabindex: "-1" }, mark("failed"), "Do not believe this answer");
  const done = h("button", { type: "button" }, "I have read this");
  const alarm = h(
    "section",
    { class: "alarm", role: "alert", "data-check": error.check },
    title,
    h("p", { class: "said" }, "A check failed, so the answer is not shown."),
    facts(
      ["The check that failed", h("div", {}, h("strong", {}, holds), h("br"), why)],
      ["What was found", `${error.reason} (check ${error.check}, database ${error.database} of ${error.server})`],
      ["Trusted before, and still", shownPoint(error.trusted)],
      ["Offered by the server", error.offered === undefined ? "the answer does not say" : shownPoint(error.offered)],
    ),
    h("p", {}, h("strong", {}, "What to do: "), error.next, "."),
    done,
  );
  done.addEventListener("click", () => {
    alarm.remove();
    showAlarmed(place.childElementCount > 0);
    byId("key", HTMLInputElement).focus();
  });
  place.prepend(alarm);
  showAlarmed(true);
  title.focus({ preventScroll: true });
  alarm.scrollIntoView({ block: "start" });
}

/** Also where the page itself is out of sight: the name of its tab. */
function showAlarmed(alarmed: boolean): void {
  document.body.classList.toggle("alarmed", alarmed);
  document.title = alarmed ? "Check failed: immudb" : "immudb: check a record";
}
