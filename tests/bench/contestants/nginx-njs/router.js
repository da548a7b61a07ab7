// Which flow a webhook belongs to, by its customer and its type. `routes` is preloaded.
function route(r) {
    let webhook;
    try {
        webhook = JSON.parse(r.requestText);
    } catch (e) {
        r.return(400);
        return;
    }
    const deployment = routes.customers[webhook.customerId];
    const flow = routes.flows[webhook.type];
    if (!deployment || !flow) {
        r.return(422);
        return;
    }
    r.variables.deployment = deployment;
    r.variables.flow = flow;
    r.internalRedirect('@flow');
}

export default { route };
