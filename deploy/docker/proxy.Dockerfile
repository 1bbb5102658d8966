# nginx in front of the site, with the configurations of deploy/nginx.
ARG NGINX_IMAGE=nginx:1.28

FROM ${NGINX_IMAGE}
COPY deploy/nginx /etc/nginx/digits
RUN chmod -R a+rX /etc/nginx/digits
USER 10001:10001
EXPOSE 8080 8443
STOPSIGNAL SIGQUIT
# Directly, not by the image's shell script, which rewrites the configuration at each start.
ENTRYPOINT ["nginx", "-e", "stderr", "-g", "daemon off;"]
CMD ["-c", "/etc/nginx/digits/container.conf"]
