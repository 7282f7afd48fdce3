import type { Page } from 'playwright-core';

/** WCAG 2.2, level AA. */
const LEAST = { text: 4.5, large: 3 } as const;

/** Runs in the browser: texts that differ too little from what is behind them, with the ratio of each. */
const FIND = `(({ text, large }) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((part, i) => (part * a + below[i] * (255 - a)) / 255);
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const colour = rgba(getComputedStyle(node).backgroundColor);
    return colour[3] === 255 ? colour.slice(0, 3) : over(colour, behind(node.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll('body *')].flatMap((node) => {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim() !== '');
    const style = getComputedStyle(node);
    if (!own || !node.checkVisibility({ visibilityProperty: true }) || node.closest('.spoken, .skip')) return [];
    const ground = behind(node);
    const [a, b] = [light(over(rgba(style.color), ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    return ratio < (isLarge ? large : text) ? [node.className + ' "' + node.textContent.trim().slice(0, 40) + '" ' + ratio.toFixed(2)] : [];
  });
})(${JSON.stringify(LEAST)})`;

export const weakContrasts = (page: Page): Promise<string[]> => page.evaluate(FIND);
