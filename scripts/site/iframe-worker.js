// Browsers start no worker for a page that was opened as a file. There the search runs in a hidden frame of the page.
class FrameWorker extends EventTarget {
  constructor(address) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    const inside = frame.contentWindow;
    inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", {data}));
    const script = inside.document.createElement("script");
    script.src = address;
    this.ready = new Promise(done => { script.onload = done; });
    inside.document.body.append(script);
    this.inside = inside;
  }

  async postMessage(data) {
    await this.ready;
    this.inside.dispatchEvent(new MessageEvent("message", {data}));
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;
