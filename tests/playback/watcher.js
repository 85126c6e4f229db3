// A <video> in which hls.js plays a playlist while a test looks on: what it has shown so far, and how it fares. Of each
// picture the strip that bears its number is kept, as luma, with the media time that the browser has for it.
"use strict";

const video = document.createElement("video");
const canvas = document.createElement("canvas");
const paper = canvas.getContext("2d", { willReadFrequently: true });
const seen = { pictures: [], held: [], errors: [], codes: [], started: false, ended: false };
document.body.replaceChildren(video, canvas);

function strip(time) {
  const [top, bottom] = [Math.floor(video.videoHeight * 0.25), Math.ceil(video.videoHeight * 0.3125)];
  [canvas.width, canvas.height] = [video.videoWidth, bottom - top];
  paper.drawImage(video, 0, top, canvas.width, canvas.height, 0, 0, canvas.width, canvas.height);
  const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
  let luma = "";
  for (let at = 0; at < data.length; at += 4) {
    luma += String.fromCharCode(Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]));
  }
  return { time, width: canvas.width, strip: btoa(luma) };
}

function look(_, { mediaTime }) {
  seen.pictures.push(strip(mediaTime));
  if (!seen.ended) video.requestVideoFrameCallback(look);
}

// Play a playlist at a rate, from where the player begins by itself.
function watch(url, rate) {
  video.addEventListener("waiting", () => seen.held.push(video.currentTime));
  video.addEventListener("playing", () => (seen.started = true));
  video.addEventListener("ended", () => (seen.ended = true));
  video.addEventListener("error", () => seen.errors.push(video.error.message));
  video.requestVideoFrameCallback(look);
  video.defaultPlaybackRate = video.playbackRate = rate;
  const player = new Hls();
  player.on(Hls.Events.ERROR, (_, { fatal, details, reason }) => {
    seen.codes.push(details);
    if (fatal) seen.errors.push(`${details}: ${reason}`);
  });
  player.loadSource(url);
  player.attachMedia(video);
  video.play().catch((error) => seen.errors.push(String(error)));
}

// How it is now: times in seconds, of the pictures their number.
function state() {
  const { currentTime, duration, buffered } = video;
  const ranges = [...Array(buffered.length).keys()].map((n) => [buffered.start(n), buffered.end(n)]);
  return { ...seen, pictures: seen.pictures.length, currentTime, duration, ranges };
}

// Go to a time, and look.
async function seek(time) {
  const presented = new Promise((resolve) => video.requestVideoFrameCallback((_, { mediaTime }) => resolve(mediaTime)));
  video.currentTime = time;
  return strip(await presented);
}
