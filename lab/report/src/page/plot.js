"use strict";
// Shows the values at the epoch under the pointer.
for (const plot of document.querySelectorAll(".plot")) {
  const svg = plot.querySelector("svg");
  const tip = plot.querySelector(".tip");
  const pointer = svg.querySelector(".pointer");
  const places = JSON.parse(svg.dataset.places);
  const panel = plot.closest(".panel") ?? document;
  const names = [...panel.querySelectorAll(".legend button")].map((button) => button.textContent);
  const curves = [...svg.querySelectorAll(".curve")].map((g) => ({ g, values: JSON.parse(g.dataset.values ?? "[]") }))
    .sort((a, b) => a.g.dataset.curve - b.g.dataset.curve);

  const row = (curve, index) => {
    const line = document.createElement("div");
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.color = getComputedStyle(curve.g).color;
    line.append(dot, names[curve.g.dataset.curve] + " " + curve.values[index].replace(/-/g, "\u2212"));
    return line;
  };

  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = box.width / Number(svg.dataset.width);
    const x = (event.clientX - box.left) / scale;
    let index = 0;
    places.forEach(([at], i) => { if (Math.abs(at - x) < Math.abs(places[index][0] - x)) index = i; });
    if (places.length === 0) return;
    const [at, name] = places[index];
    const visible = curves.filter((c) => !c.g.classList.contains("off") && c.values[index] !== null);
    const heading = document.createElement("b");
    heading.textContent = name;
    tip.replaceChildren(heading, ...visible.map((curve) => row(curve, index)));
    tip.hidden = false;
    pointer.setAttribute("transform", `translate(${at},0)`);
    pointer.classList.add("on");
    // Beside the pointer, on the side with room, and never outside the window.
    const left = at * scale < box.width / 2 ? at * scale + 12 : at * scale - 12 - tip.offsetWidth;
    const room = document.documentElement.clientWidth - box.left - tip.offsetWidth - 4;
    tip.style.left = `${Math.max(4 - box.left, Math.min(left, room))}px`;
  };
  const hide = () => { tip.hidden = true; pointer.classList.remove("on"); };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", hide);
}

// The legend hides and shows the curves of its panel.
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const isOn = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!isOn));
    const panel = button.closest(".panel") ?? document;
    for (const curve of panel.querySelectorAll(`.curve[data-curve="${button.dataset.curve}"]`)) {
      curve.classList.toggle("off", isOn);
    }
  });
}
