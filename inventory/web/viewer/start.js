// Shows the description of this server, as it stands beside this page. Only reads can be tried out.
"use strict";

const place = document.getElementById("api");
const here = new URL(".", window.location.href);

function tell(problem) {
  place.textContent = `openapi.json cannot be shown: ${problem.message}. Reload the page to try again.`;
}

fetch(new URL("openapi.json", here))
  .then((answer) => {
    if (!answer.ok) {
      throw new Error(`the server answered ${answer.status}`);
    }
    return answer.json();
  })
  .then((spec) => {
    // Requests go where the page came from, which may be a proxy.
    spec.servers = [{ url: here.href.replace(/\/$/, "") }];
    SwaggerUIBundle({
      spec,
      domNode: place,
      deepLinking: true,
      supportedSubmitMethods: ["get"],
      validatorUrl: null,
    });
  })
  .catch(tell);
