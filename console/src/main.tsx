import "@fontsource-variable/inter/wght.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/layout.css";
import "./style/panels.css";
import { render } from "preact";
import { watchAlarms } from "./alarms.ts";
import { App } from "./app.tsx";
import { watchKeys } from "./keys.ts";
import { resume, watchUse } from "./session.ts";

watchUse();
watchKeys();
watchAlarms();
render(<App />, document.getElementById("console") as HTMLElement);
void resume();
