// A <video> with a canvas and a recorder beside it, and what the tests ask of them. Times are seconds. A picture is its
// luma as the canvas shows it, one byte a pixel in base64, with the media time that the browser has for it.
"use strict";

const PATIENCE_MS = 120000;
const TROUBLE = ["error", "stalled", "waiting", "abort", "emptied"];
const LOUD = 0.25;
const RECORDER = `registerProcessor("recorder", class extends AudioWorkletProcessor {
  process([[mono]]) {
    if (mono) this.port.postMessage([currentFrame, mono.slice()]);
    return true;
  }
})`;

const video = document.createElement("video");
const canvas = document.createElement("canvas");
const paper = canvas.getContext("2d", { willReadFrequently: true });
video.preload = "auto";
document.body.replaceChildren(video, canvas);

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const { currentTime, readyState, networkState } = video;
      reject(new Error(`no ${what}: ${JSON.stringify({ currentTime, readyState, networkState })}`));
    }, PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function happened(name) {
  const event = new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", () => reject(new Error(video.error.message)), { once: true });
  });
  return within(event, `event "${name}"`);
}

// The picture on show, for `developed` to convert when there is time.
function snapshot() {
  const frame = new VideoFrame(video);
  paper.drawImage(frame, 0, 0);
  const time = frame.timestamp / 1e6;
  frame.close();
  return { time, data: paper.getImageData(0, 0, canvas.width, canvas.height).data };
}

function developed({ time, data }) {
  let luma = "";
  for (let at = 0; at < data.length; at += 4) {
    luma += String.fromCharCode(Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]));
  }
  return { time, luma: btoa(luma) };
}

async function load(url) {
  const loaded = happened("loadeddata");
  video.src = url;
  await loaded;
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  return { duration: video.duration, width: video.videoWidth, height: video.videoHeight };
}

async function seek(time) {
  const presented = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  const sought = happened("seeked");
  video.currentTime = time;
  await sought;
  await within(presented, `frame at ${time}`);
  return developed(snapshot());
}

// Sends the sound through a recorder; returns it with `blocks`, each the number of its first sample and the samples.
async function recorder() {
  const audio = new AudioContext();
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" })));
  const node = new AudioWorkletNode(audio, "recorder", { channelCount: 1, channelCountMode: "explicit" });
  audio.createMediaElementSource(video).connect(node).connect(audio.destination);
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(data);
  return { audio, blocks };
}

// When the sound rises after a tenth of a second of quiet, by the recorder's clock.
function clicks({ audio, blocks }) {
  const found = [];
  let loud = -Infinity;
  for (const [start, samples] of blocks) {
    samples.forEach((sample, number) => {
      if (Math.abs(sample) <= LOUD) return;
      if (start + number - loud > audio.sampleRate / 10) found.push((start + number) / audio.sampleRate);
      loud = start + number;
    });
  }
  return found;
}

// Plays from the start to the end: every picture on the way, clicks in media time, and events that mean trouble.
let tape = null;
async function play() {
  await seek(0);
  tape ??= await recorder();
  tape.blocks.length = 0;
  const [snapshots, lags, troubles] = [[], [], []];
  const look = () => {
    lags.push(tape.audio.currentTime - video.currentTime);
    snapshots.push(snapshot());
    if (!video.ended) video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  const note = ({ type }) => troubles.push(`${type} at ${video.currentTime}`);
  TROUBLE.forEach((name) => video.addEventListener(name, note));
  const ended = happened("ended");
  await video.play();
  await ended;
  TROUBLE.forEach((name) => video.removeEventListener(name, note));
  const lag = lags.sort((one, other) => one - other)[lags.length >> 1];
  return {
    pictures: snapshots.map(developed),
    troubles,
    clicks: clicks(tape).map((time) => time - lag),
    soundBytes: video.webkitAudioDecodedByteCount,
    end: video.currentTime,
  };
}
