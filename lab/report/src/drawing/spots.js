"use strict";
// Shows what the nearest spot of a drawing has to say.
for (const drawing of document.querySelectorAll(".drawing")) {
  const svg = drawing.querySelector("svg");
  const tip = drawing.querySelector(".tip");
  const ring = svg.querySelector(".ring");
  const spots = JSON.parse(svg.dataset.spots);
  const close = 14;

  const nearest = (x, y) => {
    const distance = ([atX, atY]) => Math.hypot(atX - x, atY - y);
    const least = (list) => list.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    const marks = spots.filter(([, , , isMark]) => isMark);
    const mark = marks.length > 0 ? least(marks) : spots[0];
    return distance(mark) < close ? mark : least(spots);
  };

  const show = (event) => {
    if (spots.length === 0) return;
    const box = svg.getBoundingClientRect();
    const scale = box.width / Number(svg.dataset.width);
    const [x, y, lines] = nearest((event.clientX - box.left) / scale, (event.clientY - box.top) / scale);
    tip.replaceChildren(...lines.map((text, index) => {
      const line = document.createElement(index === 0 ? "b" : "div");
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    ring.classList.add("on");
    // Beside the spot, on the side with room, inside the drawing and, where it is scrolled, inside the window.
    const [atX, atY] = [x * scale, y * scale];
    const left = atX < box.width / 2 ? atX + 14 : atX - 14 - tip.offsetWidth;
    const top = atY < box.height / 2 ? atY + 14 : atY - 14 - tip.offsetHeight;
    const end = Math.min(box.width, document.documentElement.clientWidth - box.left - 4) - tip.offsetWidth;
    tip.style.left = `${Math.max(0, 4 - box.left, Math.min(left, end))}px`;
    tip.style.top = `${Math.max(0, Math.min(top, box.height - tip.offsetHeight))}px`;
  };
  const hide = () => { tip.hidden = true; ring.classList.remove("on"); };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", hide);
}
