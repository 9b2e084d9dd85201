import "../style/tokens.css";
import "./officer.css";
import { render } from "preact";
import { Door } from "./Door.tsx";

render(<Door />, document.getElementById("page") as HTMLElement);
