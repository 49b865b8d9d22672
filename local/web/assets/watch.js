// Follows a task to its end: by server-sent events, and by asking where those do not get through
// (a proxy that holds them back, a connection that breaks, a service without them).

import { Problem, eventsPath, status } from "./api.js";

const silence = 8000; // ms without an event before we ask instead
const pollFirst = 400; // ms; grows by half each time
const pollMost = 3000; // ms
const patience = 12; // questions in a row that get no answer
const look = 10_000; // ms between questions for a photo that somebody looks at

const finals = new Set(["succeeded", "rejected", "dead", "cancelled"]);

/**
 * Resolves with the final status of a task.
 * @param onStatus called with each status on the way, and with {state: "reconnecting"} while the
 *   service does not answer
 */
export async function watch(id, onStatus, signal) {
  const last = (await listen(id, onStatus, signal)) ?? (await ask(id, onStatus, signal));
  // The events speak the browser's language, the page may speak the other one.
  return last.error ? status(id, signal) : last;
}

/** Resolves with the status of a held task once somebody has decided, however long that takes. */
export async function watchHeld(id) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, look));
    try {
      const task = await status(id);
      if (!task.held) {
        return task;
      }
    } catch (err) {
      if (!err.passing) {
        throw err;
      }
    }
  }
}

/** Resolves with the final status, or with null when events do not do. */
function listen(id, onStatus, signal) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(eventsPath(id));
    let timer = setTimeout(() => finish(null), silence);
    let breaks = 0;
    const finish = (result) => {
      clearTimeout(timer);
      source.close();
      resolve(result);
    };
    source.addEventListener("state", (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(null), silence);
      let task;
      try {
        task = JSON.parse(event.data);
      } catch {
        finish(null);
        return;
      }
      breaks = 0;
      onStatus(task);
      if (finals.has(task.state)) {
        finish(task);
      }
    });
    source.onerror = () => {
      breaks += 1;
      if (source.readyState === EventSource.CLOSED || breaks > 1) {
        finish(null);
      }
    };
    signal.addEventListener("abort", () => {
      finish(null);
      reject(new Problem("cancelled"));
    });
  });
}

/** Asks for the status until it is final. */
async function ask(id, onStatus, signal) {
  let wait = pollFirst;
  let unanswered = 0;
  for (;;) {
    try {
      const task = await status(id, signal);
      unanswered = 0;
      onStatus(task);
      if (finals.has(task.state)) {
        return task;
      }
    } catch (err) {
      unanswered += 1;
      if (signal.aborted || !err.passing || unanswered > patience) {
        throw err;
      }
      onStatus({ state: "reconnecting" });
    }
    await pause(wait, signal);
    wait = Math.min(wait * 1.5, pollMost);
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Problem("cancelled"));
    });
  });
}
