// Which page is shown, and the frame round the operation's.

import { AlarmBar, AlarmsPanel } from "./panels/Alarms.tsx";
import { pending, pendingWarnings } from "./alarms.ts";
import { Banners, StatusBar, TopBar } from "./panels/Bars.tsx";
import { Details } from "./panels/Details.tsx";
import { Dialogs } from "./dialogs/Dialogs.tsx";
import { ProofDialog } from "./dialogs/Proof.tsx";
import { FleetPanel } from "./panels/Fleet.tsx";
import { MapPane } from "./panels/MapPane.tsx";
import { NewCall } from "./panels/NewCall.tsx";
import { queue, QueuePanel } from "./panels/Queue.tsx";
import { TimelinePanel } from "./panels/Timeline.tsx";
import { AccountPage } from "./pages/Account.tsx";
import { AccountsPage } from "./pages/Accounts.tsx";
import { AlertsPage } from "./pages/Alerts.tsx";
import { DeploymentsPage } from "./pages/Deployments.tsx";
import { PicturesPage } from "./pages/Pictures.tsx";
import { FootagePage } from "./pages/Footage.tsx";
import { AuthorisationsPage } from "./pages/Authorisations.tsx";
import { OccurrencesPage } from "./pages/Occurrences.tsx";
import { QuarantinePage } from "./pages/Quarantine.tsx";
import { RecordPage } from "./pages/Record.tsx";
import { RequestsPage } from "./pages/Requests.tsx";
import { RetentionPage } from "./pages/Retention.tsx";
import { SetupPage, SignInPage, UnreachablePage } from "./pages/SignIn.tsx";
import { Icon, type IconName } from "./parts/marks.tsx";
import { route } from "./route.ts";
import { allowed, standing } from "./session.ts";
import { newCall, phonePart, type PhonePart, selection, spokenNow, tab, type Tab } from "./state.ts";

export function App() {
  const { page, query } = route.value;
  if (standing.value === "unknown") return null;
  if (standing.value === "unreachable") return <UnreachablePage />;
  if (standing.value === "out") return page === "setup" ? <SetupPage token={query.get("token") ?? ""} /> : <SignInPage />;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {page === "" ? "Skip to the queue" : "Skip to the page"}
      </a>
      <div class="shell">
        <TopBar />
        {allowed("see") ? <Banners /> : null}
        <Main page={page} />
        {allowed("see") ? <StatusBar /> : null}
      </div>
      <Dialogs />
      <ProofDialog />
      <div class="unseen" aria-live="assertive" role="alert">
        {spokenNow.value}
      </div>
    </>
  );
}

function Main({ page }: { page: string }) {
  if (page === "quarantine") return <QuarantinePage />;
  if (page === "pictures") return <PicturesPage />;
  if (page === "footage") return <FootagePage />;
  if (page === "accounts") return <AccountsPage />;
  if (page === "authorisations") return <AuthorisationsPage />;
  if (page === "occurrences") return <OccurrencesPage />;
  if (page === "retention") return <RetentionPage />;
  if (page === "requests") return <RequestsPage />;
  if (page === "record") return <RecordPage />;
  if (page === "account") return <AccountPage />;
  if (page === "deployments") return <DeploymentsPage />;
  if (page === "alerts") return <AlertsPage />;
  return <Operation />;
}

function Operation() {
  const open = selection.value !== null || newCall.value;
  return (
    <>
      <AlarmBar />
      <main class={`operation${open ? " with-details" : ""} phone-${phonePart.value}`}>
        <h1 class="unseen">Operation</h1>
        <aside class="side" id="main" tabIndex={-1} aria-label="Lists">
          <Tabs />
          <TabBody />
        </aside>
        <MapPane />
        {open ? (
          <aside class="side detail" aria-label={newCall.value ? "New call" : "Details"}>
            {newCall.value ? <NewCall /> : <Details />}
          </aside>
        ) : null}
      </main>
      <PhoneBar />
    </>
  );
}

const TABS: readonly (readonly [Tab, string, IconName])[] = [
  ["queue", "Queue", "list"],
  ["fleet", "Fleet", "drone"],
  ["timeline", "Timeline", "legend"],
  ["alarms", "Alarms", "bell"],
];

function countOf(which: Tab): number {
  if (which === "queue") return queue.value.waiting.length;
  if (which === "alarms") return pending.value.length + pendingWarnings.value.length;
  return 0;
}

function Tabs() {
  const walk = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = TABS.findIndex(([one]) => one === tab.value);
    const next = TABS[(at + step + TABS.length) % TABS.length]?.[0] ?? "queue";
    tab.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Lists" onKeyDown={walk}>
      {TABS.map(([one, name]) => (
        <button
          type="button"
          key={one}
          role="tab"
          id={`tab-${one}`}
          aria-selected={tab.value === one}
          aria-controls="tab-body"
          tabIndex={tab.value === one ? 0 : -1}
          onClick={() => (tab.value = one)}
        >
          {name}
          {countOf(one) === 0 ? null : <span class="count">{countOf(one)}</span>}
        </button>
      ))}
    </div>
  );
}

function TabBody() {
  return (
    <div class="tab-body" role="tabpanel" id="tab-body" aria-labelledby={`tab-${tab.value}`}>
      {tab.value === "queue" ? <QueuePanel /> : tab.value === "fleet" ? <FleetPanel /> : tab.value === "alarms" ? <AlarmsPanel /> : <TimelinePanel />}
    </div>
  );
}

/** On a phone one part is shown at a time. */
function PhoneBar() {
  const show = (part: PhonePart): void => {
    phonePart.value = part;
    if (part !== "map") tab.value = part;
    selection.value = null;
    newCall.value = false;
  };
  const parts: readonly (readonly [PhonePart, string, IconName])[] = [["map", "Map", "map"], ...TABS];
  return (
    <nav class="phone-bar" aria-label="Parts">
      {parts.map(([part, name, icon]) => (
        <button type="button" key={part} aria-current={phonePart.value === part ? "true" : undefined} onClick={() => show(part)}>
          <Icon name={icon} />
          {name}
          {part === "map" || countOf(part) === 0 ? null : <span class="count">{countOf(part)}</span>}
        </button>
      ))}
    </nav>
  );
}
